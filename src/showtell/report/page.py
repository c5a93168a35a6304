"""Captions, and how sure the model was of them -> one HTML file that needs nothing else.

Comes in: entries of name, caption, word probabilities and picture. Goes out: the text of a page that shows the same
from a disk, a web server or an attachment (see `showtell.report.html`).
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from showtell.report.html import counted, document, escape, grid, thumbnail

LOOK = 160
"""Pixels of a side of a picture that shows where the model looked for one word."""

_LEVELS = 5  # steps of doubt, one CSS class each: .doubt-0 (sure, unmarked) to .doubt-4
_CONFIDENCE = "how probable it is that the caption is at least half as good as a person's"
_UNFAMILIAR = "Unlike the pictures that the model learnt from."
_SCORE = "length-normalised log-probability of the sentence: 0 is certainty, larger is better"


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture and what was said about it.

    Arguments:
        name: what the picture is called, such as its file's name.
        caption: the sentence; empty where there is none.
        words: the sentence's words with their probabilities, in [0, 1]; may be empty.
        score: length-normalised log-probability of the sentence.
        alternatives: further sentences, best first.
        picture: the picture in any mode and size, or None.
        error: why there is no caption; empty where there is one.
        looks: for each of `words` a picture of where the model looked for it; empty where that is not known.
        confidence: the probability that the sentence is good, in [0, 1]; None where the model does not know.
        unfamiliar: whether the picture is unlike those that the model learnt from.
        unsure: what to say in place of the sentence, which then stands below as a guess; empty to say the sentence.
    """

    name: str
    caption: str
    words: tuple[tuple[str, float], ...]
    score: float
    alternatives: tuple[str, ...]
    picture: Image.Image | None
    error: str
    looks: tuple[Image.Image, ...] = ()
    confidence: float | None = None
    unfamiliar: bool = False
    unsure: str = ""


def caption_page(entries: Iterable[Entry], *, title: str, footer: str = "") -> str:
    """The text of an HTML page that shows `entries` in their order.

    Entries are taken one by one and only their thumbnails are kept, so they may come from a generator that opens each
    picture in its turn.

    Arguments:
        entries: what to show.
        title: the page's heading, as plain text.
        footer: a line at the page's end, as plain text, such as the model's name.

    Raises:
        PictureError: a picture cannot be decoded.
    """
    figures, failures, confident = [], 0, False
    for entry in entries:
        figures.append(_figure(entry))
        confident |= entry.confidence is not None
        failures += bool(entry.error)
    summary = counted(len(figures) - failures, "captioned picture")
    if failures:
        summary += f", {counted(failures, 'picture')} without a caption"
    return document(title, f"<p>{summary}</p>\n{_legend(confident)}", grid(figures), footer)


def _legend(confident: bool) -> str:
    bounds = [round(100 * step / _LEVELS) for step in range(_LEVELS, -1, -1)]
    steps = [
        f'<li><span class="doubt-{level}">{low}–{high}%</span></li>'
        for level, (high, low) in enumerate(itertools.pairwise(bounds))
    ]
    measure = f"Confidence: {_CONFIDENCE}." if confident else f"Score: {_SCORE}."
    return (
        '<section class="legend" aria-labelledby="legend">\n'
        '<h2 id="legend">The less probable the model found a word after those before it, the stronger its mark:</h2>\n'
        f'<ul class="scale" role="list">{"".join(steps)}</ul>\n'
        f'<p class="label">{measure}</p>\n'
        "</section>"
    )


def _figure(entry: Entry) -> str:
    if entry.error:
        said = f'<p class="error"><strong>No caption:</strong> {escape(entry.error)}</p>'
        score = ""
    else:
        said = _said(entry)
        score = f'<span title="{_SCORE}">score {_signed(entry.score)}</span>'
        if entry.confidence is not None:
            title = f"{_CONFIDENCE}; score {_signed(entry.score)}"
            score = f'<span title="{title}">confidence {_percent(entry.confidence)}</span>'
    return (
        f"<figure>\n{thumbnail(entry.picture, entry.caption or entry.name)}\n<figcaption>\n{said}\n"
        f'<p class="about"><bdi>{escape(entry.name)}</bdi>{score}</p>\n'
        f"{_details(entry)}</figcaption>\n</figure>"
    )


def _said(entry: Entry) -> str:
    said = f'<p class="caption">{_marked(entry.caption, entry.words)}</p>'
    if entry.unsure:
        said = f'<p class="caption">{escape(entry.unsure)}</p>\n<p class="label">Perhaps:</p>\n{said}'
    if entry.unfamiliar:
        said += f'\n<p class="unfamiliar">{_UNFAMILIAR}</p>'
    return said


def _marked(caption: str, words: tuple[tuple[str, float], ...]) -> str:
    """The caption with each word marked by its probability.

    The caption is what people read: its spacing and punctuation stay. Where the words are not those of the caption in
    their order, the words themselves are shown.
    """
    parts, position = [], 0
    for word, probability in words:
        start = caption.find(word, position)
        if start < 0 or any(map(str.isalnum, caption[position:start])):
            return " ".join(_word(word, probability) for word, probability in words)
        parts += [escape(caption[position:start]), _word(word, probability)]
        position = start + len(word)
    return "".join(parts) + escape(caption[position:])


def _word(word: str, probability: float) -> str:
    return f'<span class="doubt-{_level(probability)}" title="{_percent(probability)}">{escape(word)}</span>'


def _details(entry: Entry) -> str:
    """What is folded: the probabilities as text, for those who have no pointer to hover with, and the alternatives."""
    titles, parts = [], []
    if entry.words:
        titles.append("Word by word, and where it looked" if entry.looks else "Word by word")
        looks = [thumbnail(look, "where it looked", LOOK) for look in entry.looks] or [""] * len(entry.words)
        pairs = zip(looks, entry.words, strict=True)
        items = (f"<li>{look}{_word(word, p)} {_percent(p)}</li>" for look, (word, p) in pairs)
        parts.append(f'<ul class="words{" looks" if entry.looks else ""}" role="list">{"".join(items)}</ul>\n')
    if entry.alternatives:
        titles.append(counted(len(entry.alternatives), "alternative"))
        items = (f"<li>{escape(alternative)}</li>" for alternative in entry.alternatives)
        parts.append(f'<p class="label">Alternatives, best first:</p>\n<ol class="others">{"".join(items)}</ol>\n')
    if not parts:
        return ""
    return f"<details>\n<summary>{', '.join(titles)}</summary>\n{''.join(parts)}</details>\n"


def _level(probability: float) -> int:
    """0 for a sure word to 4 for a doubtful one; a bound such as 80% belongs to the surer side."""
    return min(_LEVELS - 1, max(0, _LEVELS - 1 - int(probability * _LEVELS)))


def _percent(probability: float) -> str:
    """A whole percentage that says 0% and 100% only of what is so."""
    if 0 < probability < 0.005:
        return "under 1%"
    if 0.995 <= probability < 1:
        return "over 99%"
    return f"{100 * probability:.0f}%"


def _signed(number: float) -> str:
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")
