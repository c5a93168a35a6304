// The card of one picture: its caption and details.

import { counted, element, percent } from "./elements.js";
import { drawLook } from "./looks.js";
import { marked, wordMark } from "./words.js";

const LOOK = 160;
const LARGE = 480;
const GOOD = 0.5; // the confidence below which alt-text holds a caption back
const CONFIDENCE = "how probable it is that the caption is at least half as good as a person’s";
const SCORE = "length-normalized log-probability of the sentence: 0 is certainty, larger is better";

export class Card {
  // `actions` are the functions of its buttons: copy(card) and remove(card).
  constructor(file, name, actions) {
    this.file = file;
    this.name = name;
    this.result = null;
    this.unfolded = false;
    this.address = URL.createObjectURL(file);
    this.image = element("img", { src: this.address, alt: "" });
    this.image.addEventListener("error", () => this.image.replaceWith(element("div", { class: "missing" }, "no preview")));
    this.large = element("canvas", { width: LARGE, height: LARGE, hidden: true, role: "img" });
    this.answer = element("div", { class: "said-now" }, element("p", { class: "caption waiting" }, "…"));
    this.copy = element("button", { type: "button", "aria-label": `Copy the caption of ${name}`, onclick: () => actions.copy(this) }, "Copy");
    this.remove = element("button", { type: "button", "aria-label": `Remove ${name}`, onclick: () => actions.remove(this) }, "Remove");
    const buttons = element("p", { class: "buttons" }, this.copy, this.remove);
    this.copy.disabled = true;
    this.figure = element("figure", {}, this.image, this.large, element("figcaption", {}, this.answer, buttons));
    this.item = element("li", {}, this.figure);
  }

  wait() {
    this.figure.setAttribute("aria-busy", "true");
  }

  // Show a result of the service, or the reason why there is none. `resize` is how the model makes squares.
  show(result, resize) {
    this.result = result;
    this.figure.removeAttribute("aria-busy");
    this.copy.disabled = Boolean(result.error);
    this.look(null);
    if (result.error) {
      this.figure.classList.remove("doubtful", "good");
      this.image.alt = this.name;
      const message = element("p", { class: "error" }, element("strong", {}, "No caption: "), result.error);
      this.answer.replaceChildren(message, this.about(""));
      return;
    }
    const sentence = result.guess || result.caption;
    this.image.alt = sentence;
    this.answer.replaceChildren(
      ...this.sentences(result, sentence),
      ...this.seen(result),
      this.about(this.measure(result)),
      ...this.details(result, resize),
    );
  }

  sentences(result, sentence) {
    const main = element("p", { class: "caption" }, ...marked(sentence, result.words));
    const parts = [main];
    const doubtful = result.confidence === undefined ? undefined : result.confidence < GOOD || Boolean(result.unfamiliar);
    this.figure.classList.toggle("doubtful", doubtful === true);
    this.figure.classList.toggle("good", doubtful === false);
    if (result.guess) {
      parts.unshift(
        element("p", { class: "caption" }, result.caption),
        element("p", { class: "label" }, "Perhaps:"),
      );
    }
    if (doubtful !== undefined) {
      const verdict = doubtful ? ["verdict doubtful", "Doubtful"] : ["verdict good", "Likely good"];
      parts.unshift(element("p", { class: verdict[0], title: CONFIDENCE }, verdict[1]));
    }
    if (result.unfamiliar) {
      parts.push(element("p", { class: "unfamiliar" }, "Unlike the pictures that the model was trained on."));
    }
    return parts;
  }

  seen(result) {
    if (!result.tags) return [];
    const names = result.tags.flatMap((tag, i) => {
      const name = element("span", { title: percent(tag.probability) }, tag.name);
      return i ? [", ", name] : [name];
    });
    return [element("p", { class: "seen" }, "Tags: ", ...names)];
  }

  measure(result) {
    if (result.confidence === undefined) {
      return element("span", { title: SCORE }, `score ${result.score.toFixed(2).replace("-", "−")}`);
    }
    return element("span", { title: CONFIDENCE }, `confidence ${percent(result.confidence)}`);
  }

  about(measure) {
    return element("p", { class: "about" }, element("bdi", {}, this.name), measure);
  }

  details(result, resize) {
    const looked = result.words.some((word) => word.attention);
    const titles = [looked ? "Word by word, and where it looked" : "Word by word"];
    const words = result.words.map((word) => element("li", {}, ...this.word(word, resize)));
    const parts = [element("ul", { class: looked ? "words looks" : "words", role: "list" }, ...words)];
    const others = (result.captions ?? []).slice(1);
    if (others.length) {
      titles.push(counted(others.length, "alternative"));
      const items = others.map((one) => element("li", {}, ...marked(one.guess || one.caption, one.words)));
      parts.push(
        element("p", { class: "label" }, "Alternatives, best first:"),
        element("ol", { class: "others" }, ...items),
      );
    }
    const box = element("details", {}, element("summary", {}, titles.join(", ")), ...parts);
    box.open = this.unfolded;
    box.addEventListener("toggle", () => {
      this.unfolded = box.open;
    });
    return [box];
  }

  word(word, resize) {
    const text = [wordMark(word), ` ${percent(word.probability)}`];
    if (!word.attention) return text;
    const canvas = element("canvas", { width: LOOK, height: LOOK, "aria-hidden": "true" });
    const button = element("button", { type: "button", "aria-pressed": "false" }, canvas, element("span", {}, ...text));
    button.addEventListener("click", () => this.look(button.getAttribute("aria-pressed") === "true" ? null : button, word, resize));
    whenLoaded(this.image, () => drawLook(canvas, this.image, resize, word.attention));
    return [button];
  }

  // Show where the model looked for a word instead of the picture; null shows the picture again.
  look(button, word, resize) {
    for (const pressed of this.answer.querySelectorAll("[aria-pressed=true]")) pressed.setAttribute("aria-pressed", "false");
    this.large.hidden = !button;
    this.image.hidden = Boolean(button);
    if (!button) return;
    button.setAttribute("aria-pressed", "true");
    this.large.setAttribute("aria-label", `Where the model looked for “${word.word}”`);
    drawLook(this.large, this.image, resize, word.attention);
  }

  close() {
    URL.revokeObjectURL(this.address);
    this.item.remove();
  }
}

function whenLoaded(image, work) {
  if (image.complete && image.naturalWidth) work();
  else image.addEventListener("load", work, { once: true });
}
