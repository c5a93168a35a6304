"""The result of a picture <-> one row of a file: the names of the columns and their values.

Every output format, the service's answers and the tables of alt texts take their values from here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from showtell.captioning.caption import Caption, Captioned, Word
from showtell.captioning.tags import Tag

SENTENCE = ("caption", "score", "confidence", "unfamiliar", "guess", "guided", "words")
"""The columns of one sentence; further sentences are in `alternatives`."""

COLUMNS = ("name", *SENTENCE, "tags", "alternatives", "error")
"""All columns of a row."""

ALT_TEXT = ("name", "caption", "score", "confidence", "unfamiliar", "guess", "error")
"""The columns of a table of alt texts."""


def to_row(result: Captioned) -> dict[str, Any]:
    """The exact values of a result by column, without unknown ones."""
    caption = result.caption
    if caption is None:
        return {"name": result.name, "error": result.error}
    return {
        "name": result.name,
        **_to_sentence(caption),
        "tags": [{"name": tag.name, "probability": tag.probability} for tag in caption.tags],
        "alternatives": [_to_sentence(one) for one in caption.alternatives],
    }


def from_row(row: Mapping[str, Any]) -> Captioned:
    """The inverse of `to_row`; a `KeyError` or `TypeError` if a column is missing or has another type."""
    if row["error"] is not None:
        return Captioned(row["name"], None, row["error"])
    alternatives = tuple(_from_sentence(one) for one in row["alternatives"])
    tags = tuple(Tag(tag["name"], tag["probability"]) for tag in row["tags"])
    return Captioned(row["name"], replace(_from_sentence(row), alternatives=alternatives, tags=tags))


def to_json(result: Captioned) -> dict[str, Any]:
    """A result as JSON values, rounded, without unknown ones: a line of JSON, or an answer of the service."""
    caption = result.caption
    if caption is None:
        return {"name": result.name, "error": result.error}
    value = {"name": result.name, **caption.to_json()}
    if caption.tags:
        value["tags"] = [tag.to_json() for tag in caption.tags]
    if caption.alternatives:
        value["captions"] = [one.to_json() for one in caption.n_best]
    return value


def to_cells(result: Captioned, *, exact: bool = False) -> list[dict[str, str]]:
    """A result as text cells by column, one dictionary for each of its captions; unknown values are empty."""
    if result.caption is None:
        return [{"name": result.name, "error": result.error}]
    digits = ("", "") if exact else (".6g", ".4f")
    return [
        {
            "name": result.name,
            "caption": one.text,
            "score": _number(one.score, digits[0]),
            "confidence": "" if one.confidence is None else _number(one.confidence, digits[1]),
            "unfamiliar": "" if one.unfamiliar is None else str(one.unfamiliar).lower(),
            "guess": one.guess,
            "tags": tag_names(one),
        }
        for one in result.caption.n_best
    ]


def with_tags(result: Captioned, most: int | None) -> Captioned:
    """The result with at most `most` tags; None for all."""
    if result.caption is None or most is None:
        return result
    return replace(result, caption=replace(result.caption, tags=result.caption.tags[:most]))


def in_words(caption: Caption) -> str:
    """A caption as a line of text; if the model is not sure, with its guess."""
    return f"{caption.text} (perhaps: {caption.guess})" if caption.guess else caption.text


def tag_names(caption: Caption) -> str:
    """The names of a caption's tags, best first."""
    return ", ".join(tag.name for tag in caption.tags)


def _number(value: float, digits: str) -> str:
    return format(value, digits) if digits else repr(value)


def _to_sentence(caption: Caption) -> dict[str, Any]:
    words = [
        {"word": word.word, "probability": word.probability, "attention": looked}
        for word in caption.words
        for looked in (None if word.attention is None else list(word.attention),)
    ]
    return {
        "caption": caption.text or None,
        "score": caption.score,
        "confidence": caption.confidence,
        "unfamiliar": caption.unfamiliar,
        "guess": caption.guess or None,
        "guided": caption.guided,
        "words": words,
    }


def _from_sentence(row: Mapping[str, Any]) -> Caption:
    words = tuple(
        Word(one["word"], one["probability"], None if looked is None else np.array(looked, np.float32))
        for one in row["words"]
        for looked in (one["attention"],)
    )
    known = {"confidence": row["confidence"], "unfamiliar": row["unfamiliar"], "guided": row["guided"]}
    return Caption(row["caption"], row["score"], words, guess=row["guess"] or "", **known)
