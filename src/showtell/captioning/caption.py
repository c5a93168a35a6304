"""What a captioner says of a picture: a sentence, its words, and how far they can be trusted."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.captioning.tags import Tag
from showtell.visualization.html import escape, percent, shaded

NOT_SURE = "not sure"
"""The text of a caption whose confidence is below what was asked for."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a caption and the probability, in (0, 1], that the decoder gave it after the words before it: of a
    calibrated model, the calibrated one.

    `attention`, where it was asked for, is where the model looked for the word: `float32 (rows, cols)` over the square
    that the picture was made, at least 0 and 1 in sum.
    """

    word: str
    probability: float
    attention: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The word as JSON values, rounded."""
        value: dict[str, Any] = {"word": self.word, "probability": round(self.probability, 6)}
        if self.attention is not None:
            value["attention"] = [[round(float(cell), 4) for cell in row] for row in self.attention]
        return value


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence about a picture.

    `score` is the length-normalised log-probability of the sentence: 0 is certainty, and the larger the better.
    `alternatives` are further sentences, best first, where more than one was asked for.

    A calibrated model also gives `confidence`, the probability in [0, 1] that the sentence is good, and whether the
    picture is `unfamiliar`, far from those that it learnt from (docs/explanation/confidence.md defines both); else they
    are None.
    Where the confidence is below what was asked for, `text` is `NOT_SURE`, and `guess` the sentence all the same.

    `tags` are names of what the picture shows, best first, where the model has its encoder's classifier
    (docs/guide/tags.md); of the best caption alone. `guided` is whether the sentence was made to say the first of them.
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

    def to_json(self) -> dict[str, Any]:
        """The sentence as JSON values, rounded: what is not known is left out, and so are alternatives and tags."""
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
        """How a notebook shows it: words that the model doubts are shaded, with all that is known below."""
        known = [f"score {self.score:.2f}"]
        if self.confidence is not None:
            known.append(f"confidence {percent(self.confidence)}")
        if self.unfamiliar:
            known.append("unlike the pictures that the model learnt from")
        if self.tags:
            known.append("seen: " + ", ".join(escape(tag.name) for tag in self.tags))
        said = shaded([(word.word, word.probability) for word in self.words])
        not_sure = f"{escape(self.text)} (perhaps: {said})" if self.guess else said
        others = "".join(f"<li>{one._repr_html_()}</li>" for one in self.alternatives)
        below = f"<ul>{others}</ul>" if others else ""
        return f'<div>{not_sure}<br><small style="opacity: 0.7">{" · ".join(known)}</small></div>{below}'


@dataclass(frozen=True, slots=True)
class Captioned:
    """What became of one picture of a stream: its caption, or the reason why there is none.

    `source` is what it was made from: the item of the stream, such as a path or an image; of a `RawPicture`, which
    holds a whole file, only the `source` in it.
    """

    name: str
    caption: Caption | None
    error: str = ""
    source: object = field(default=None, compare=False, repr=False)
