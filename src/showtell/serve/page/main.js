// The page: users choose, drop or paste pictures. Each gets a card. New settings caption all pictures again.

import { askCaption, askModel, Refused, useToken } from "./api.js";
import { Card } from "./card.js";
import { counted, element, say } from "./elements.js";
import { copyText, KINDS, captionText, save } from "./saving.js";
import { Settings } from "./settings.js";

const MOST = 500;
const NARROW = "(max-width: 60rem)";
const at = (id) => document.getElementById(id);
const cards = [];
let model, settings, round;
let attempts = 0;

async function begin() {
  const attempt = ++attempts;
  let answer;
  try {
    answer = await askModel();
  } catch (error) {
    if (attempt !== attempts) return; // another token was given meanwhile
    at("model").textContent = error.message;
    at("door").hidden = error.status !== 401;
    if (error.status === 401) at("token").focus();
    return;
  }
  if (attempt !== attempts) return;
  model = answer;
  at("door").hidden = true;
  at("model").replaceChildren("Captions by ", element("strong", {}, model.name), `, Showtell ${model.version}`);
  at("card-text").textContent = model.card;
  at("settings-box").open = !matchMedia(NARROW).matches;
  for (const one of document.querySelectorAll(".legend [data-needs]")) one.hidden = !model[one.dataset.needs];
  settings = new Settings(at("settings"), model, captionAll);
  round = new AbortController();
  for (const id of ["files", "clear", "copy"]) at(id).disabled = false;
  listen();
}

function listen() {
  at("files").addEventListener("change", () => {
    add(at("files").files);
    at("files").value = "";
  });
  document.addEventListener("paste", (event) => add(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) at("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    at("drop").classList.remove("over");
    add(event.dataTransfer.files);
  });
  at("clear").addEventListener("click", () => {
    for (const card of cards.splice(0)) card.close();
    captionAll();
    at("files").focus();
    say("All pictures removed.");
  });
  at("copy").addEventListener("click", () => copied(KINDS.text.write(results()), at("copy")));
  for (const button of document.querySelectorAll("[data-save]")) {
    button.addEventListener("click", () => save(button.dataset.save, results()));
  }
}

function add(files) {
  const room = MOST - cards.length;
  const added = [...files].slice(0, room).map((file) => new Card(file, file.name || "pasted picture", { copy: copyOne, remove }));
  if (!added.length) return;
  cards.push(...added);
  at("cards").append(...added.map((card) => card.item));
  arrange();
  captionThese(added);
}

function captionAll() {
  round.abort();
  round = new AbortController();
  arrange();
  captionThese(cards);
}

async function captionThese(some) {
  const { signal } = round;
  const query = settings.query();
  if (some.length) say(`Captioning ${counted(some.length, "picture")}…`);
  await Promise.all(some.map((card) => caption(card, query, signal)));
  if (signal.aborted || !some.length) return;
  const done = some.filter((card) => cards.includes(card) && !card.result.error);
  say(done.length === 1 ? `${done[0].name}: ${captionText(done[0].result)}` : `${counted(done.length, "caption")} ready.`);
}

async function caption(card, query, signal) {
  card.wait();
  try {
    card.show({ ...(await askCaption(card.file, query, signal)), name: card.name }, model.resize);
  } catch (error) {
    if (signal.aborted) return;
    const message = error instanceof Refused ? error.message.replace(/^picture: /, "") : String(error);
    card.show({ name: card.name, error: message }, model.resize);
  }
  arrange();
}

function arrange() {
  at("tools").hidden = at("legend-box").hidden = !cards.length;
  at("count").textContent = counted(cards.length, "picture");
  const ready = cards.some((card) => card.result);
  for (const button of document.querySelectorAll("#copy, [data-save]")) button.disabled = !ready;
}

function results() {
  return cards.map((card) => card.result).filter(Boolean);
}

function copyOne(card) {
  copied(captionText(card.result), card.copy);
}

async function copied(text, button) {
  const label = button.textContent;
  try {
    await copyText(text);
    say("Copied.");
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  } catch {
    say("The browser does not allow copying.");
  }
}

function remove(card) {
  const place = cards.indexOf(card);
  cards.splice(place, 1);
  card.close();
  (cards[Math.min(place, cards.length - 1)]?.remove ?? at("files")).focus();
  say(`${card.name} is removed.`);
  arrange();
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(at("token").value);
  begin();
});
begin();
