"""The result of captioning a picture: a sentence, its words, and how far they can be trusted."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.captioning.tags import Tag
from showtell.visualization.html import escape, percent, shaded

NOT_SURE = "not sure"
"""The text of a caption whose confidence is below the minimum."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a caption and the probability, in (0, 1], that the decoder gave it after the words before it. If the
    model is calibrated, so is the probability.

    `attention`, if requested, shows where the model looked for the word: `float32 (rows, cols)` over the square
    picture, at least 0, with sum 1.
    """

    word: str
    probability: float
    attention: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The word as plain values, not rounded; `attention` is None or a list of rows."""
        attention = None if self.attention is None else self.attention.tolist()
        return {"word": self.word, "probability": self.probability, "attention": attention}

    def to_json(self) -> dict[str, Any]:
        """The word as JSON values, rounded."""
        value: dict[str, Any] = {"word": self.word, "probability": round(self.probability, 6)}
        if self.attention is not None:
            value["attention"] = [[round(float(cell), 4) for cell in row] for row in self.attention]
        return value


@dataclass(frozen=True, slots=True, repr=False)
class Caption:
    """A sentence about a picture.

    `score` is the length-normalized log-probability of the sentence: 0 is certainty, and larger is better.
    `alternatives` are further sentences, best first, if more than one was requested.

    A calibrated model also gives `confidence`, the probability in [0, 1] that the sentence is good, and `unfamiliar`,
    whether the picture is unlike the training pictures (docs/explanation/confidence.md defines both). Otherwise both
    are None. If the confidence is below the requested minimum, `text` is `NOT_SURE` and `guess` is the sentence.

    `tags` are names of what the picture shows, best first, if the model has its encoder's classifier
    (docs/guide/tags.md). Only the best caption has them. `guided` is whether the sentence was made to contain the first
    tag.
    """

    text: str
    score: float
    words: tuple[Word, ...]
    alternatives: tuple["Caption", ...] = ()
    confidence: float | None = None
    unfamiliar: bool | None = None
    guess: str = ""
    tags: tuple[Tag, ...] = ()
    guided: bool = False

    def __str__(self) -> str:
        return self.text

    @property
    def n_best(self) -> tuple["Caption", ...]:
        """The caption and its alternatives, best first."""
        return (self, *self.alternatives)

    def __repr__(self) -> str:
        known = [f"{self.text!r}", f"score={self.score:.2f}"]
        if self.confidence is not None:
            known.append(f"confidence={self.confidence:.2f}")
        if self.unfamiliar:
            known.append("unfamiliar=True")
        if self.guess:
            known.append(f"guess={self.guess!r}")
        if self.tags:
            known.append(f"tags={[tag.name for tag in self.tags]}")
        if self.alternatives:
            known.append(f"alternatives={len(self.alternatives)}")
        return f"Caption({', '.join(known)})"

    def to_dict(self) -> dict[str, Any]:
        """Everything about the caption as plain values that JSON and tables take, with the same keys for every caption.

        Numbers are not rounded. `tags` maps names to probabilities; `alternatives` are such dictionaries, too.
        """
        return {
            "caption": self.text,
            "score": self.score,
            "confidence": self.confidence,
            "unfamiliar": self.unfamiliar,
            "guess": self.guess,
            "guided": self.guided,
            "words": [word.to_dict() for word in self.words],
            "tags": {tag.name: tag.probability for tag in self.tags},
            "alternatives": [one.to_dict() for one in self.alternatives],
        }

    def to_json(self) -> dict[str, Any]:
        """The sentence as JSON values, rounded. Unknown values, alternatives and tags are left out."""
        value: dict[str, Any] = {
            "caption": self.text,
            "score": round(self.score, 6),
            "words": [word.to_json() for word in self.words],
        }
        if self.confidence is not None:
            value["confidence"] = round(self.confidence, 4)
        if self.unfamiliar is not None:
            value["unfamiliar"] = self.unfamiliar
        if self.guided:
            value["guided"] = True
        if self.guess:
            value["guess"] = self.guess
        return value

    def _repr_html_(self) -> str:
        """The view in a notebook: words that the model doubts are shaded, and the other values stand below."""
        known = [f"score {self.score:.2f}"]
        if self.confidence is not None:
            known.append(f"confidence {percent(self.confidence)}")
        if self.unfamiliar:
            known.append("unlike the pictures that the model was trained on")
        if self.tags:
            known.append("seen: " + ", ".join(escape(tag.name) for tag in self.tags))
        sentence = shaded([(word.word, word.probability) for word in self.words])
        not_sure = f"{escape(self.text)} (perhaps: {sentence})" if self.guess else sentence
        others = "".join(f"<li>{one._repr_html_()}</li>" for one in self.alternatives)
        below = f"<ul>{others}</ul>" if others else ""
        return f'<div>{not_sure}<br><small style="opacity: 0.7">{" · ".join(known)}</small></div>{below}'


@dataclass(frozen=True, slots=True)
class Captioned:
    """The result for one picture of a stream: its caption, or the reason why it has none.

    `source` is the item of the stream, such as a path or an image. For a `RawPicture`, which holds a whole file, it is
    only that picture's own `source`.
    """

    name: str
    caption: Caption | None
    error: str = ""
    source: object = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """`name`, `error`, and the keys of `Caption.to_dict`, which are absent if there is no caption."""
        return {"name": self.name, "error": self.error} | (self.caption.to_dict() if self.caption else {})
