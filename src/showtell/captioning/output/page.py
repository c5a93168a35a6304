"""Captions with their confidence -> one HTML file that needs nothing else; the format `html` writes it.

Input: entries of name, caption, word probabilities and picture. Output: the text of a page that looks the same from a
disk, a web server or an attachment (see `showtell.visualization.html`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from PIL import Image

from showtell.captioning.attention import overlay
from showtell.captioning.caption import Caption, Captioned
from showtell.captioning.output.row import in_words, with_tags
from showtell.images.preprocessing import Preprocessing, square
from showtell.visualization.html import counted, document, escape, grid, percent, thumbnail
from showtell.visualization.words import CONFIDENCE, SCORE, legend, marked, signed, tag_line, word_mark

LOOK = 160
"""Side length, in pixels, of a picture that shows where the model looked for one word."""

_UNFAMILIAR = "Unlike the pictures that the model was trained on."


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One picture and its caption.

    Arguments:
        name: the picture's name, such as its file name.
        caption: the sentence; empty if there is none.
        words: the sentence's words with their probabilities, in [0, 1]; may be empty.
        score: length-normalized log-probability of the sentence.
        alternatives: further sentences, best first.
        picture: the picture in any mode and size, or None.
        error: why there is no caption; empty if there is one.
        looks: for each of `words` a picture of where the model looked for it; may be empty.
        confidence: the probability that the sentence is good, in [0, 1]; None if the model is not calibrated.
        unfamiliar: whether the picture is unlike the training pictures.
        tags: names of what the picture shows, with their probabilities, best first.
        unsure: text in place of the sentence, which then stands below as a guess; empty to show the sentence.
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
    tags: tuple[tuple[str, float], ...] = ()


def entry_of(result: Captioned, preprocessing: Preprocessing | None = None, tags: int | None = None) -> PageEntry:
    """The entry of a page for a result.

    Arguments:
        result: the result; its `source` is the picture if it is an image.
        preprocessing: how the encoder makes pictures square, to overlay attention; None shows no attention.
        tags: the largest number of tags; None for all.
    """
    found, source = with_tags(result, tags).caption, result.source
    picture = source if isinstance(source, Image.Image) else None
    if found is None:
        return PageEntry(result.name, "", (), 0.0, (), picture, result.error)
    return PageEntry(
        name=result.name,
        caption=found.guess or found.text,
        words=tuple((word.word, word.probability) for word in found.words),
        score=found.score,
        alternatives=tuple(in_words(one) for one in found.alternatives),
        picture=picture,
        error="",
        looks=_looks(picture, found, preprocessing) if picture and preprocessing else (),
        confidence=found.confidence,
        unfamiliar=bool(found.unfamiliar),
        unsure=found.text if found.guess else "",
        tags=tuple((tag.name, tag.probability) for tag in found.tags),
    )


def _looks(picture: Image.Image, caption: Caption, preprocessing: Preprocessing) -> tuple[Image.Image, ...]:
    seen = Image.fromarray(square(picture, replace(preprocessing, size=LOOK)))
    return tuple(overlay(seen, word.attention) for word in caption.words if word.attention is not None)


def caption_page(entries: Iterable[PageEntry], *, title: str, footer: str = "") -> str:
    """The text of an HTML page that shows `entries` in their order.

    Entries are taken one by one and only their thumbnails are kept, so a generator may open each picture in turn.

    Arguments:
        entries: the pictures to show.
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
    measure = f"Confidence: {CONFIDENCE}." if confident else f"Score: {SCORE}."
    return document(title, f"<p>{summary}</p>\n{legend(measure)}", grid(figures), footer)


def _figure(entry: PageEntry) -> str:
    if entry.error:
        sentence = f'<p class="error"><strong>No caption:</strong> {escape(entry.error)}</p>'
        score = ""
    else:
        sentence = _sentence(entry)
        score = f'<span title="{SCORE}">score {signed(entry.score)}</span>'
        if entry.confidence is not None:
            title = f"{CONFIDENCE}; score {signed(entry.score)}"
            score = f'<span title="{title}">confidence {percent(entry.confidence)}</span>'
    return (
        f"<figure>\n{thumbnail(entry.picture, entry.caption or entry.name)}\n<figcaption>\n{sentence}\n"
        f'{tag_line(entry.tags)}<p class="about"><bdi>{escape(entry.name)}</bdi>{score}</p>\n'
        f"{_details(entry)}</figcaption>\n</figure>"
    )


def _sentence(entry: PageEntry) -> str:
    sentence = f'<p class="caption">{marked(entry.caption, entry.words)}</p>'
    if entry.unsure:
        sentence = f'<p class="caption">{escape(entry.unsure)}</p>\n<p class="label">Perhaps:</p>\n{sentence}'
    if entry.unfamiliar:
        sentence += f'\n<p class="unfamiliar">{_UNFAMILIAR}</p>'
    return sentence


def _details(entry: PageEntry) -> str:
    """The folded part: the probabilities as text, for people who cannot hover with a pointer, and the alternatives."""
    titles, parts = [], []
    if entry.words:
        titles.append("Word by word, and where it looked" if entry.looks else "Word by word")
        looks = [thumbnail(look, "where it looked", LOOK) for look in entry.looks] or [""] * len(entry.words)
        pairs = zip(looks, entry.words, strict=True)
        items = (f"<li>{look}{word_mark(word, p)} {percent(p)}</li>" for look, (word, p) in pairs)
        parts.append(f'<ul class="words{" looks" if entry.looks else ""}" role="list">{"".join(items)}</ul>\n')
    if entry.alternatives:
        titles.append(counted(len(entry.alternatives), "alternative"))
        items = (f"<li>{escape(alternative)}</li>" for alternative in entry.alternatives)
        parts.append(f'<p class="label">Alternatives, best first:</p>\n<ol class="others">{"".join(items)}</ol>\n')
    if not parts:
        return ""
    return f"<details>\n<summary>{', '.join(titles)}</summary>\n{''.join(parts)}</details>\n"
