// Words marked by how probable the model found them, as the reports of Showtell have them (report/words.py).

import { element, percent } from "./elements.js";

const LEVELS = 5;

export function wordMark({ word, probability }) {
  const level = Math.min(LEVELS - 1, Math.max(0, LEVELS - 1 - Math.floor(probability * LEVELS)));
  return element("span", { class: `doubt-${level}`, title: percent(probability) }, word);
}

// A sentence with its words marked; its spacing and punctuation stay. Where the words are not those of the sentence in
// their order, the words themselves are shown.
export function marked(sentence, words) {
  const parts = [];
  let position = 0;
  for (const word of words) {
    const start = sentence.indexOf(word.word, position);
    if (start < 0 || /[\p{L}\p{N}]/u.test(sentence.slice(position, start))) {
      return words.flatMap((one, i) => (i ? [" ", wordMark(one)] : [wordMark(one)]));
    }
    parts.push(sentence.slice(position, start), wordMark(word));
    position = start + word.word.length;
  }
  return [...parts, sentence.slice(position)];
}
