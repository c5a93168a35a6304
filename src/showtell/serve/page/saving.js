// All captions as text, CSV or JSON, as `showtell caption` writes them, to copy and to save.

const COLUMNS = ["name", "caption", "score", "error", "confidence", "unfamiliar", "guess", "tags"];
const TEXTS = new Set(["name", "caption", "error", "guess", "tags"]); // which others wrote: no formulas
const FORMULA = /^'*[=+\-@\t\r\n]/;
const CONTROL = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu; // as in showtell/errors.py

export const KINDS = {
  text: { type: "text/plain", name: "captions.txt", write: (results) => results.map(asText).join("") },
  csv: { type: "text/csv", name: "captions.csv", write: asCsv },
  json: { type: "application/json", name: "captions.json", write: (results) => `${JSON.stringify(results, null, 1)}\n` },
};

export function save(kind, results) {
  const { type, name, write } = KINDS[kind];
  const address = URL.createObjectURL(new Blob([write(results)], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Browsers allow the clipboard only on pages of this machine or of https; elsewhere a selection is copied.
export async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = Object.assign(document.createElement("textarea"), { value: text });
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus();
}

export function captionText(caption) {
  return caption.guess ? `${caption.caption} (perhaps: ${caption.guess})` : caption.caption;
}

function asText(result) {
  const name = shown(result.name);
  if (result.error) return `${name}: cannot be captioned: ${shown(result.error)}\n`;
  const others = (result.captions ?? []).slice(1).map((one) => `${" ".repeat(name.length)}  ${shown(captionText(one))}\n`);
  return `${name}: ${shown(captionText(result))}\n${others.join("")}`;
}

// Names forge no lines and steer no terminal: what is not printed stands as an escape, as in Python.
function shown(text) {
  return text.replace(CONTROL, (letter) => {
    const known = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[letter];
    const code = letter.codePointAt(0).toString(16);
    if (known) return known;
    if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
    return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
}

function asCsv(results) {
  const rows = results.flatMap((result) => {
    const captions = result.captions ?? [result];
    return captions.map((one, i) => COLUMNS.map((column) => cell(column, one, i ? {} : result, result.name)));
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function cell(column, caption, result, name) {
  if (column === "name") return plain(name);
  if (column === "tags") return plain((result.tags ?? []).map((tag) => tag.name).join(", "));
  const value = caption[column] ?? "";
  return TEXTS.has(column) ? plain(value) : value;
}

// No spreadsheet runs it as a formula; the apostrophe is taken off where Showtell reads it (see showtell/files.py).
function plain(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
