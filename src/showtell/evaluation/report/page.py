"""An evaluation -> one HTML file that shows it: figures, curves, confidence, wording, pictures, copies.

Input: an `Evaluation`, the pictures to show, and the figures of the epochs if there are any. Output: the text of a
self-contained page (see `showtell.visualization.html`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from PIL import Image

from showtell.evaluation import EvaluatedPicture, Evaluation, Figure, TrainingCaption
from showtell.evaluation.figures import kind_of
from showtell.evaluation.report.choice import JUDGE, ChosenPictures, choose
from showtell.evaluation.report.panels import confidence_panels, score_panels, wording_panels
from showtell.metrics.registry import FigureKind
from showtell.visualization.html import counted, document, escape, grid, percent, thumbnail
from showtell.visualization.learning_curves import training_panels
from showtell.visualization.words import CONFIDENCE, SCORE, legend, marked, signed, tag_line

Pictures: TypeAlias = Callable[[str], Image.Image | None]
"""Picture name -> the picture, or None if it is not available."""

_TILES = ("CIDEr-D", "BLEU-4", "ROUGE-L", "perplexity", "next_word_accuracy", "hallucinated", "copied")


def evaluation_page(
    evaluation: Evaluation,
    pictures: Pictures,
    epochs: Sequence[Mapping[str, Any]] = (),
    *,
    chosen: ChosenPictures | None = None,
) -> str:
    """The text of an HTML page about `evaluation`.

    Arguments:
        evaluation: what to show.
        pictures: called with each name of `chosen.names()`.
        epochs: the lines of a run's `metrics.jsonl`, for its curves; lines that lack a figure are skipped.
        chosen: which pictures to show; None for `choose(evaluation)`.
    """
    chosen = chosen or choose(evaluation)
    sections = [
        ("Scores", "scores", _tiles(evaluation) + _table(evaluation)),
        ("Training", "training", _panels(training_panels(epochs))),
        ("Spread and confidence", "confidence", _panels([*score_panels(evaluation), *confidence_panels(evaluation)])),
        ("Words", "words", _panels(wording_panels(evaluation))),
        (f"Best by {JUDGE}", "best", legend(_measure(evaluation)) + _shown(chosen.best, pictures)),
        (f"Worst by {JUDGE}", "worst", _shown(chosen.worst, pictures)),
        ("At random", "random", _shown(chosen.drawn, pictures)),
        ("Copies of training captions", "copies", _copies(evaluation, chosen.copies, pictures)),
    ]
    sections = [(title, anchor, body) for title, anchor, body in sections if body]
    contents = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for title, anchor, _ in sections)
    main = "\n".join(f'<section id="{anchor}">\n<h2>{title}</h2>\n{body}</section>' for title, anchor, body in sections)
    header = f'<p>{escape(_summary(evaluation))}</p>\n<nav><ul role="list">{contents}</ul></nav>'
    title = f"Evaluation of {evaluation.model}"
    return document(
        title,
        header,
        main,
        evaluation.signature,
        styles=(("showtell.visualization", "page.css"), (__package__, "evaluation.css")),
    )


def _measure(evaluation: Evaluation) -> str:
    return f"Confidence: {CONFIDENCE}." if evaluation.calibrated else f"Score: {SCORE}."


def _summary(evaluation: Evaluation) -> str:
    of = f" of the split {evaluation.split}" if evaluation.split else ""
    left_out = f"; {counted(len(evaluation.unreadable), 'picture')} could not be read" if evaluation.unreadable else ""
    if evaluation.without_pictures:
        left_out += f"; {counted(len(evaluation.without_pictures), 'captioned name')} without a picture"
    return f"{counted(len(evaluation.pictures), 'picture')}{of}, each compared with people's captions{left_out}."


def _tiles(evaluation: Evaluation) -> str:
    shown = [(kind_of(name), evaluation.figures[name]) for name in _TILES if name in evaluation.figures]
    items = "".join(
        f'<li><span class="label">{kind.label}</span><strong>{kind.text(figure.value)}</strong>'
        f'<span class="label">{_interval(kind.text, figure)}</span></li>'
        for kind, figure in shown
    )
    return f'<ul class="tiles" role="list">{items}</ul>\n'


def _table(evaluation: Evaluation) -> str:
    rows = "".join(_row(kind_of(name), figure) for name, figure in evaluation.figures.items())
    columns = "".join(f'<th scope="col">{column}</th>' for column in ("figure", "value", "95% interval"))
    note = "Scores are times 100. Intervals are of bootstrap resamples of the pictures."
    return (
        f"<details>\n<summary>All figures</summary>\n<table>\n<thead><tr>{columns}</tr></thead>\n"
        f'<tbody>\n{rows}</tbody>\n</table>\n<p class="label">{note}</p>\n</details>\n'
    )


def _row(kind: FigureKind, figure: Figure) -> str:
    return (
        f'<tr><th scope="row">{escape(kind.label)}<span class="label">{escape(kind.about)}</span></th>'
        f"<td>{kind.text(figure.value)}</td><td>{_interval(kind.text, figure)}</td></tr>\n"
    )


def _interval(text: Callable[[float], str], figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{text(figure.low)} to {text(figure.high)}"


def _panels(panels: Sequence[str]) -> str:
    return f'<div class="panels">\n{"".join(panels)}</div>\n' if panels else ""


def _shown(chosen: Sequence[EvaluatedPicture], pictures: Pictures) -> str:
    return grid([_figure(picture, pictures) for picture in chosen]) if chosen else ""


def _figure(picture: EvaluatedPicture, pictures: Pictures) -> str:
    references = "".join(f"<li>{escape(reference)}</li>" for reference in picture.references)
    return (
        f"<figure>\n{thumbnail(pictures(picture.name), picture.caption)}\n<figcaption>\n"
        f'<p class="caption">{marked(picture.caption, picture.words)}</p>\n{tag_line(picture.tags)}'
        f"{_hallucinated(picture)}{_scores(picture)}"
        f'<p class="label">Captions by people:</p>\n<ul class="references">{references}</ul>\n{_name(picture.name)}'
        "</figcaption>\n</figure>"
    )


def _hallucinated(picture: EvaluatedPicture) -> str:
    if not picture.hallucinated:
        return ""
    return f'<p class="about">No reference names: {escape(", ".join(picture.hallucinated))}</p>\n'


def _scores(picture: EvaluatedPicture) -> str:
    of = "".join(f"<span>{name} {100 * picture.scores[name]:.0f}</span>" for name in (JUDGE, "BLEU-4", "ROUGE-L"))
    sure = (
        f"score {signed(picture.score)}" if picture.confidence is None else f"confidence {percent(picture.confidence)}"
    )
    return f'<p class="about scores">{of}<span>{sure}</span></p>\n'


def _name(name: str) -> str:
    return f'<p class="about"><bdi>{escape(name)}</bdi></p>\n'


def _copies(evaluation: Evaluation, chosen: Sequence[EvaluatedPicture], pictures: Pictures) -> str:
    if not chosen:
        return ""
    figures = [_copy(picture, picture.copied, pictures) for picture in chosen if picture.copied]
    copied = [picture.copied for picture in evaluation.pictures if picture.copied]
    same = sum(copy.edits == 0 for copy in copied)
    intro = (
        f"{counted(same, 'caption')} of {len(evaluation.pictures):,} equal a training caption, "
        f"{len(copied) - same:,} more differ from one in a single word. Short sentences do so by chance; these are the "
        "longest, each once, with the training picture on the right if it is available."
    )
    return f'<p class="intro">{intro}</p>\n{grid(figures)}'


def _copy(picture: EvaluatedPicture, copy: TrainingCaption, pictures: Pictures) -> str:
    copied = pictures(copy.picture)
    images = thumbnail(pictures(picture.name), picture.caption)
    if copied is not None:
        images = f'<div class="pair">{images}{thumbnail(copied, copy.text)}</div>'
    times = "once" if copy.times == 1 else f"{copy.times:,} times"
    note = f"{'In training, ' if copy.edits else 'Word for word in training, '}{times}, of {escape(copy.picture)}"
    body = f'<p class="caption">{_differing(picture.caption, copy.text)}</p>\n{_scores(picture)}'
    body += f'<p class="label">{note}{":" if copy.edits else ""}</p>\n'
    if copy.edits:
        body += f"<p>{_differing(copy.text, picture.caption)}</p>\n"
    return f"<figure>\n{images}\n<figcaption>\n{body}{_name(picture.name)}</figcaption>\n</figure>"


def _differing(text: str, other: str) -> str:
    """`text` with the one word marked in which it differs from `other`."""
    words, theirs = text.split(), other.split()
    if text == other or len(words) < len(theirs):
        return escape(text)
    at = next((i for i, (mine, their) in enumerate(zip(words, theirs, strict=False)) if mine != their), len(theirs))
    return " ".join(f"<mark>{escape(word)}</mark>" if i == at else escape(word) for i, word in enumerate(words))
