// The documentation of the service, made from its OpenAPI description; each address can be tried here.

import { element } from "./elements.js";

const at = (id) => document.getElementById(id);
let described;

async function begin() {
  try {
    described = await (await fetch("openapi.json")).json();
  } catch {
    at("about").textContent = "The service does not answer: is it running?";
    return;
  }
  const { title, version, summary } = described.info;
  at("about").textContent = `${title} ${version}. ${summary ?? ""}`;
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      at("operations").append(section(method.toUpperCase(), path, operation));
    }
  }
}

// Follow a reference within the description.
function resolved(schema) {
  if (!schema?.$ref) return schema ?? {};
  return resolved(schema.$ref.slice(2).split("/").reduce((value, key) => value[key], described));
}

function section(method, path, operation) {
  const title = element("h2", { id: operation.operationId }, element("code", {}, `${method} ${path}`));
  const form = element("form", {});
  const parameters = operation.parameters ?? [];
  if (parameters.length) form.append(settings(parameters, operation.operationId));
  const files = operation.requestBody ? chooser(operation.operationId) : null;
  if (files) form.append(files.label);
  const send = element("button", {}, "Send");
  const command = element("pre", { tabindex: "0", "aria-label": "The same with curl" });
  const answer = element("pre", { tabindex: "0", "aria-label": "Answer", hidden: true });
  const status = element("p", { role: "status", class: "label" });
  form.append(element("p", {}, send), element("p", { class: "label" }, "The same with curl:"), command, status, answer);
  const request = () => prepared(method, path, form, files?.input);
  const show = () => {
    command.textContent = curl(request());
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(request(), send, status, answer);
  });
  at("token").addEventListener("input", show);
  show();
  const parts = [title, ...paragraphs(operation.description)];
  return element("section", {}, ...parts, form, ...answers(operation), ...fields(operation));
}

function paragraphs(text) {
  const marked = (one) => one.replaceAll("\n", " ").split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
  return (text ?? "").split("\n\n").filter(Boolean).map((one) => element("p", {}, ...marked(one)));
}

function chooser(id) {
  const input = element("input", { type: "file", multiple: true, accept: "image/*", id: `${id}-files` });
  const label = element("label", { for: input.id, class: "files" }, "Pictures ", input);
  return { input, label };
}

function settings(parameters, id) {
  const rows = parameters.map((parameter) => {
    const name = `${id}-${parameter.name}`;
    const words = element("label", { for: name }, element("code", {}, parameter.name));
    const given = element("input", { id: name, "data-name": parameter.name, placeholder: usual(parameter.schema) });
    const about = [parameter.description ?? parameter.schema.description ?? "", bounds(parameter.schema)];
    return element("tr", {}, element("th", { scope: "row" }, words), element("td", {}, given), element("td", {}, about.filter(Boolean).join(" ")));
  });
  const head = element("tr", {}, ...["setting", "value", "meaning"].map((one) => element("th", { scope: "col" }, one)));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "wide", role: "region", "aria-label": "Settings", tabindex: "0" }, table);
}

function kinds(schema) {
  return (schema.anyOf ?? [schema]).map(resolved).filter((one) => one.type !== "null");
}

function usual(schema) {
  const value = schema.default ?? kinds(schema)[0]?.default;
  return value === undefined || value === null ? "" : String(value);
}

function bounds(schema) {
  const [kind] = kinds(schema);
  if (kind.enum) return `One of ${kind.enum.join(", ")}.`;
  if (kind.type === "array") return "Separate several by commas.";
  if (kind.type === "boolean") return "true or false.";
  const least = kind.minimum ?? kind.exclusiveMinimum;
  const most = kind.maximum ?? kind.exclusiveMaximum;
  return least === undefined || most === undefined ? "" : `${least} to ${most}.`;
}

function answers(operation) {
  const items = Object.entries(operation.responses).map(([status, one]) =>
    element("li", {}, element("code", {}, status), ` ${one.description}`),
  );
  return [element("details", {}, element("summary", {}, "Statuses"), element("ul", {}, ...items))];
}

// The fields of the answer, those of its lists below it.
function fields(operation) {
  const schema = resolved(operation.responses["200"]?.content?.["application/json"]?.schema);
  if (!schema.properties) return [];
  return [element("details", {}, element("summary", {}, "Fields of the answer"), list(schema, 0))];
}

function list(schema, depth) {
  const items = Object.entries(schema.properties).map(([name, property]) => {
    const [kind] = kinds(resolved(property));
    const inner = resolved(kind.items ?? kind);
    const below = inner.properties && depth < 2 ? [list(inner, depth + 1)] : [];
    const text = [kind.type, property.description].filter(Boolean).join(": ");
    return element("li", {}, element("code", {}, name), ` ${text}`, ...below);
  });
  return element("ul", { class: "fields" }, ...items);
}

function prepared(method, path, form, input) {
  const query = new URLSearchParams();
  for (const one of form.querySelectorAll("[data-name]")) {
    const schema = described.paths[path][method.toLowerCase()].parameters.find((each) => each.name === one.dataset.name).schema;
    const values = kinds(schema)[0].type === "array" ? one.value.split(",") : [one.value];
    for (const value of values) if (value.trim()) query.append(one.dataset.name, value.trim());
  }
  const text = query.toString();
  return { method, target: path.slice(1) + (text ? `?${text}` : ""), files: [...(input?.files ?? [])], takesFiles: Boolean(input) };
}

function curl({ method, target, files, takesFiles }) {
  const names = files.length ? files.map((file) => file.name) : ["photo.jpg"];
  const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  const parts = ["curl"];
  if (at("token").value) parts.push("-H", quoted(`Authorization: Bearer ${at("token").value}`));
  if (takesFiles) for (const name of names) parts.push("-F", quoted(`picture=@${name}`));
  else if (method !== "GET") parts.push("-X", method);
  return [...parts, quoted(new URL(target, location.href).href)].join(" ");
}

async function run({ method, target, files, takesFiles }, button, status, answer) {
  if (takesFiles && !files.length) {
    status.textContent = "Choose pictures first.";
    return;
  }
  const headers = at("token").value ? { Authorization: `Bearer ${at("token").value}` } : {};
  let body;
  if (takesFiles) {
    body = new FormData();
    for (const file of files) body.append("picture", file);
  }
  button.disabled = true;
  status.textContent = "Waiting for the answer…";
  const began = performance.now();
  try {
    const reply = await fetch(target, { method, headers, body });
    const text = await reply.text();
    status.textContent = `Status ${reply.status}, ${Math.round(performance.now() - began)} ms`;
    answer.hidden = false;
    answer.textContent = pretty(text);
  } catch {
    status.textContent = "The service does not answer: is it running?";
  } finally {
    button.disabled = false;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

begin();
