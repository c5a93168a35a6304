// The review page: one picture at a time, its proposed text, and what the person decides, which is written at once.

import { counted, percent, say } from "./elements.js";

const at = (id) => document.getElementById(id);
const WHY = {
  "not sure": (item) => `The model is not sure of this caption: confidence ${percent(item.confidence)}.`,
  contradicted: (item) => `The picture seems to show something else: ${item.tag}.`,
  unfamiliar: () => "The picture is unlike those that the model was trained on.",
};
let state;
let place = 0;
let busy = false;

async function begin() {
  try {
    state = await (await fetch("v1/review")).json();
  } catch {
    at("where").textContent = "The review does not answer: run showtell review again.";
    return;
  }
  at("where").textContent = state.folder;
  if (!state.items.length) {
    at("progress").hidden = true;
    finish("No caption waits for you.");
    return;
  }
  show(0);
}

function show(wanted) {
  place = Math.min(Math.max(wanted, 0), state.items.length - 1);
  const item = state.items[place];
  at("desk").hidden = false;
  at("end").hidden = true;
  at("picture").src = `v1/review/pictures/${place}`;
  at("name").textContent = item.name;
  at("why").textContent = WHY[item.why]?.(item) ?? "";
  at("why").className = item.why ? "unfamiliar" : "";
  at("tags").textContent = item.tags.length ? `Tags: ${item.tags.join(", ")}` : "";
  at("text").value = item.decided || item.text;
  at("undo").disabled = item.decided === null;
  at("back").disabled = place === 0;
  tell(item);
  measure();
}

function tell(item) {
  const done = state.items.filter((one) => one.decided !== null).length;
  at("progress").value = done / state.items.length;
  at("where").textContent = `${state.folder}: picture ${place + 1} of ${state.items.length}, ${done} decided`;
  at("decided").textContent =
    item.decided === null ? "" : item.decided === "" ? "Decided: no text." : "Decided: this text is kept as yours.";
}

function measure() {
  const count = at("text").value.length;
  const most = state.max_chars ? ` of ${state.max_chars}` : "";
  at("length").textContent = `${counted(count, "character")}${most}`;
}

// Write a decision; null takes one back.
async function decide(text) {
  if (busy) return;
  busy = true;
  try {
    const answer = await fetch(`v1/review/pictures/${place}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text }),
    });
    const told = await answer.json();
    if (!answer.ok) {
      at("decided").textContent = told.error;
      say(told.error);
      return;
    }
    state.items[place] = told;
    say(text === null ? "Taken back." : text ? "Accepted." : "No text.");
    text === null ? show(place) : onward();
  } catch {
    at("decided").textContent = "The review does not answer: nothing was written.";
  } finally {
    busy = false;
  }
}

// The next picture without a decision, from here on and then from the start.
function onward() {
  const count = state.items.length;
  for (let step = 1; step <= count; step += 1) {
    const other = (place + step) % count;
    if (state.items[other].decided === null) {
      show(other);
      return;
    }
  }
  tell(state.items[place]);
  finish("Every caption has a decision.");
}

function finish(message) {
  const table = state.in_table ? " Run showtell alt-text again to put the texts into the table." : "";
  at("desk").hidden = true;
  at("end").hidden = false;
  at("end").textContent = `${message}${table} You can close this page and stop the command with Ctrl-C.`;
  say(message);
}

function accept() {
  if (at("text").value.trim()) decide(at("text").value);
}

at("desk").addEventListener("submit", (event) => {
  event.preventDefault();
  accept();
});
at("reject").addEventListener("click", () => decide(""));
at("undo").addEventListener("click", () => decide(null));
at("back").addEventListener("click", () => show(place - 1));
at("next").addEventListener("click", () => show(place + 1));
at("edit").addEventListener("click", () => at("text").select());
at("text").addEventListener("input", measure);
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    at("text").blur();
    accept();
  }
  if (event.key === "Escape") at("text").blur();
  event.stopPropagation();
});

const KEYS = {
  Enter: accept,
  Delete: () => decide(""),
  Backspace: () => decide(""),
  u: () => at("undo").disabled || decide(null),
  e: () => at("text").select(),
  ArrowRight: () => show(place + 1),
  ArrowLeft: () => show(place - 1),
};
document.addEventListener("keydown", (event) => {
  const onButton = event.target.closest?.("button") && event.key === "Enter";
  if (at("desk").hidden || onButton || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
begin();
