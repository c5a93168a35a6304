// The settings as a query of the service, without those that are the model's defaults.

import { percent } from "./elements.js";

export class Settings {
  // `changed` is called a moment after a setting has changed.
  constructor(form, model, changed) {
    this.form = form;
    this.model = model;
    this.fields = form.elements;
    for (const label of form.querySelectorAll("[data-needs]")) {
      if (!model[label.dataset.needs]) label.remove();
    }
    this.startFrom(model.search);
    form.addEventListener("input", () => {
      this.arrange();
      clearTimeout(this.timer);
      this.timer = setTimeout(changed, 200);
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => form.dispatchEvent(new Event("input")), 0));
    form.querySelector("#again").addEventListener("click", () => {
      this.fields.seed.value = Math.floor(Math.random() * 1e6);
      form.dispatchEvent(new Event("input"));
    });
    this.arrange();
  }

  // The form starts with the model's own settings, and a reset returns to them.
  startFrom(search) {
    const way = search.sample ? "sample" : search.beam === 1 ? "greedy" : "beam";
    for (const radio of this.fields.way) radio.defaultChecked = radio.checked = radio.value === way;
    const start = { ...search, beam: Math.max(2, search.beam), must: search.must.join(", "), must_not: search.must_not.join(", ") };
    if (this.fields.guide) this.fields.guide.defaultChecked = this.fields.guide.checked = this.model.guides;
    for (const name of ["beam", "max_length", "must", "must_not", "num_captions", "diversity"]) {
      this.fields[name].defaultValue = this.fields[name].value = start[name];
    }
  }

  get way() {
    return this.fields.way.value;
  }

  // Show the fields of the chosen search, and the values of the sliders.
  arrange() {
    const several = Number(this.fields.num_captions.value) > 1;
    for (const label of this.form.querySelectorAll("label")) {
      const { way, several: needsSeveral } = label.dataset;
      label.hidden = (way && !way.split(" ").includes(this.way)) || (needsSeveral !== undefined && !several);
    }
    for (const output of this.form.querySelectorAll("output")) {
      const value = Number(output.parentElement.querySelector("input").value);
      output.textContent = output.dataset.percent === undefined ? String(value) : percent(value);
    }
  }

  // Pairs of names and values.
  query() {
    const query = [];
    const shown = (name) => this.fields[name] && !this.fields[name].closest("[hidden]");
    const add = (name, otherwise) => {
      if (shown(name) && this.fields[name].value !== "" && this.fields[name].value !== String(otherwise)) {
        query.push([name, this.fields[name].value]);
      }
    };
    if (this.way === "greedy") query.push(["beam", "1"]);
    if (this.way === "beam") query.push(["beam", String(this.beams())]);
    query.push(["sample", String(this.way === "sample")]);
    for (const [name, otherwise] of [["temperature", 1], ["top_p", 1], ["seed", 0], ["diversity", 0], ["min_confidence", 0]]) {
      add(name, otherwise);
    }
    add("max_length", this.model.search.max_length);
    query.push(["num_captions", this.way === "greedy" ? "1" : this.fields.num_captions.value]);
    for (const name of ["must", "must_not"]) query.push(...this.phrases(name, shown(name)));
    if (shown("guide") && this.fields.guide.checked !== this.model.guides) {
      query.push(["guide", this.fields.guide.checked ? "always" : "off"]);
    }
    if (shown("attention") && this.fields.attention.checked) query.push(["attention", "true"]);
    return query;
  }

  // A beam is at least as wide as the number of captions, and each group of diverse captions has one.
  beams() {
    const [beam, wanted, diversity] = ["beam", "num_captions", "diversity"].map((name) => Number(this.fields[name].value));
    if (wanted > 1 && diversity > 0) return wanted * Math.max(1, Math.floor(Math.min(20, beam * wanted) / wanted));
    return Math.max(beam, wanted);
  }

  phrases(name, shown) {
    if (!shown) return [];
    const phrases = this.fields[name].value.split(",").map((phrase) => phrase.trim()).filter(Boolean);
    return phrases.map((phrase) => [name, phrase]);
  }
}
