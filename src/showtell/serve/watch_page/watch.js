// The page of a training run: asks for its state once a second, and draws what is new.

import { element } from "./elements.js";

const SECOND = 1000;
const MOST_BEFORE = 6;
const OVER = { finished: "Finished", stopped: "Stopped and saved", failed: "Failed" };
const NAMES = { train_loss: "loss", train_accuracy: "next words predicted", reward: "reward" };
const at = (id) => document.getElementById(id);
let known = -1;
let last;
let drawn = "";

async function look() {
  try {
    const answer = await fetch(`v1/run?known=${known}`);
    last = await answer.json();
    show(last);
  } catch {
    at("where").textContent = last && OVER[last.state] ? at("where").textContent : "The run has ended and no longer answers.";
    at("stop").disabled = true;
    return;
  }
  if (!OVER[last.state]) setTimeout(look, SECOND);
}

function show(run) {
  at("name").textContent = run.name;
  document.title = `${Math.round(100 * done(run))}% of training ${run.name}`;
  at("where").textContent = where(run);
  at("line").textContent = run.line;
  at("left").textContent = run.seconds_left === null || OVER[run.state] ? "" : `about ${duration(run.seconds_left)} left`;
  at("progress").value = done(run);
  at("stop").disabled = run.state !== "training";
  if (run.now !== drawn) {
    at("live").hidden = !run.now;
    at("now").innerHTML = drawn = run.now; // a chart that the service drew
  }
  if (run.panels) {
    at("curves").hidden = !run.panels.length;
    at("panels").innerHTML = run.panels.join(""); // charts that the service drew, with all names escaped
  }
  if (run.samples) showSamples(run.samples);
  known = run.ended;
}

function where(run) {
  if (OVER[run.state]) return `${OVER[run.state]} after ${run.ended} of ${run.epochs} epochs.`;
  if (!run.steps) return "Preparing the pictures.";
  const figures = Object.entries(run.figures).map(([name, value]) => `${NAMES[name] ?? name} ${value.toFixed(3)}`);
  const stopping = run.state === "stopping" ? "Stopping: " : "";
  return [`${stopping}epoch ${run.epoch} of ${run.epochs}, step ${run.step} of ${run.steps}`, ...figures].join(", ");
}

function done(run) {
  if (run.state === "finished") return 1;
  return run.steps ? (run.epoch - 1 + run.step / run.steps) / run.epochs : 0;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function showSamples(samples) {
  at("samples").hidden = !samples.some((sample) => sample.said.length);
  at("cards").replaceChildren(...samples.map((sample, place) => element("li", {}, figure(sample, place))));
}

// Epochs in a row with the same caption, newest first: [first epoch, last epoch, caption].
function spells(said) {
  const found = [];
  for (const [epoch, text] of said) {
    if (found[0]?.[2] === text) found[0][1] = epoch;
    else found.unshift([epoch, epoch, text]);
  }
  return found;
}

function figure({ name, references, said }, place) {
  const [newest, ...before] = spells(said);
  const earlier = before.slice(0, MOST_BEFORE).map(([first, last, text]) => {
    const when = first === last ? `epoch ${first}` : `epochs ${first}–${last}`;
    return element("li", {}, element("span", {}, when), " ", text);
  });
  return element(
    "figure",
    {},
    element("img", { src: `v1/run/pictures/${place}`, alt: newest?.[2] || name, loading: "lazy" }),
    element(
      "figcaption",
      {},
      element("p", { class: "caption" }, newest?.[2] ?? ""),
      element("ul", { class: "said", role: "list" }, ...earlier),
      element("p", { class: "label" }, "Captions by people:"),
      element("ul", { class: "references" }, ...references.map((text) => element("li", {}, text))),
      element("p", { class: "about" }, element("bdi", {}, name)),
    ),
  );
}

at("stop").addEventListener("click", async () => {
  at("stop").disabled = true;
  await fetch("v1/run/stop", { method: "POST" });
});
look();
