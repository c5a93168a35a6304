// Words marked by their probability, as in reports (showtell/visualization/words.py).

import { element, percent } from "./elements.js";

const LEVELS = 5;

export function wordMark({ word, probability }) {
  const level = Math.min(LEVELS - 1, Math.max(0, LEVELS - 1 - Math.floor(probability * LEVELS)));
  return element("span", { class: `doubt-${level}`, title: percent(probability) }, word);
}

// A sentence with its words marked; its spacing and punctuation stay. If the words do not match the sentence in
// order, the words themselves are shown.
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
