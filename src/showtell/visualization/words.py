"""Captions as HTML with each word marked by its probability: one hue, stronger for less probable words."""

import itertools
from collections.abc import Iterable

from showtell.visualization.html import escape, percent

_LEVELS = 5  # steps of doubt, one CSS class each: .doubt-0 (sure, unmarked) to .doubt-4
SCORE = "length-normalized log-probability of the sentence: 0 is certainty, larger is better"
"""Explains the score of a caption to people."""
CONFIDENCE = "how probable it is that the caption is at least half as good as a person's"
"""Explains the confidence of a caption to people."""


def legend(measure: str) -> str:
    """The legend of the marks; `measure` is a sentence of HTML about the captions' score or confidence."""
    bounds = [round(100 * step / _LEVELS) for step in range(_LEVELS, -1, -1)]
    steps = [
        f'<li><span class="doubt-{level}">{low}–{high}%</span></li>'
        for level, (high, low) in enumerate(itertools.pairwise(bounds))
    ]
    return (
        '<section class="legend" aria-labelledby="legend">\n'
        '<h2 id="legend">The less probable the model found a word after those before it, the stronger its mark:</h2>\n'
        f'<ul class="scale" role="list">{"".join(steps)}</ul>\n'
        f'<p class="label">{measure}</p>\n'
        "</section>"
    )


def marked(caption: str, words: tuple[tuple[str, float], ...]) -> str:
    """The caption with each word marked by its probability.

    The caption's spacing and punctuation stay. If the words do not occur in it in their order, the words themselves are
    shown.
    """
    parts, position = [], 0
    for word, probability in words:
        start = caption.find(word, position)
        if start < 0 or any(map(str.isalnum, caption[position:start])):
            return " ".join(word_mark(word, probability) for word, probability in words)
        parts += [escape(caption[position:start]), word_mark(word, probability)]
        position = start + len(word)
    return "".join(parts) + escape(caption[position:])


def word_mark(word: str, probability: float) -> str:
    """One word, marked by its probability, which is its tooltip."""
    return f'<span class="doubt-{_level(probability)}" title="{percent(probability)}">{escape(word)}</span>'


def _level(probability: float) -> int:
    """0 for a probable word to 4 for a doubtful one; a bound such as 80% belongs to the more probable side."""
    return min(_LEVELS - 1, max(0, _LEVELS - 1 - int(probability * _LEVELS)))


def tag_line(tags: Iterable[tuple[str, float]]) -> str:
    """The tags of a picture with their probabilities, as a paragraph; empty if there are none."""
    names = ", ".join(f'<span title="{percent(probability)}">{escape(name)}</span>' for name, probability in tags)
    return f'<p class="seen">Tags: {names}</p>\n' if names else ""


def signed(number: float) -> str:
    """Two decimals, with a minus sign that is as wide as a digit."""
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")
