// All captions as text, CSV or JSON, as `showtell caption` writes them, to copy and to save.

const COLUMNS = ["name", "caption", "score", "error", "confidence", "unfamiliar", "guess", "tags"];

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
  if (result.error) return `${result.name}: cannot be captioned: ${result.error}\n`;
  const others = (result.captions ?? []).slice(1).map((one) => `${" ".repeat(result.name.length)}  ${captionText(one)}\n`);
  return `${result.name}: ${captionText(result)}\n${others.join("")}`;
}

function asCsv(results) {
  const rows = results.flatMap((result) => {
    const captions = result.captions ?? [result];
    return captions.map((one, i) => COLUMNS.map((column) => cell(column, one, i ? {} : result, result.name)));
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function cell(column, caption, result, name) {
  if (column === "name") return name;
  if (column === "tags") return (result.tags ?? []).map((tag) => tag.name).join(", ");
  return caption[column] ?? "";
}

function quoted(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
