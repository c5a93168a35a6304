"""The results of an evaluation, as frozen dataclasses and as JSON.

`Evaluation` has the figures of the whole split and all results of each picture, so that a report needs no model.
`write_evaluation` and `read_evaluation` store it in a file; docs/reference/file-formats.md has the format.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from showtell.errors import InputError
from showtell.evaluation.copies import TrainingCaption
from showtell.files import json_bytes, read_json, write_bytes

FORMAT = 1
KIND = "showtell evaluation"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and the interval that contains 95% of its bootstrap resamples, if it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluatedPicture:
    """One picture: the model's caption, the references and the scores.

    `score`, `confidence`, `unfamiliar` and `words` are those of the `Caption`: its length-normalized log-probability,
    the probability that it is good, whether the picture is unlike the training pictures (both None for a model that is
    not calibrated), and its words with their probabilities. `scores` are by metric (BLEU and ROUGE-L from 0 to 1,
    CIDEr-D from 0 to 10). `copied` is the training caption that the caption equals or differs from in one word, if any.
    `tags` are (name, probability) if the model has tags. `hallucinated` are the objects that the caption names and no
    reference does.
    """

    name: str
    caption: str
    score: float
    confidence: float | None
    unfamiliar: bool | None
    words: tuple[tuple[str, float], ...]
    references: tuple[str, ...]
    scores: dict[str, float]
    copied: TrainingCaption | None = None
    tags: tuple[tuple[str, float], ...] = ()
    hallucinated: tuple[str, ...] = ()

    @property
    def trust(self) -> float:
        """The confidence, or the score if there is none; used to rank pictures."""
        return self.score if self.confidence is None else self.confidence


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's captions of some pictures, and how good they are.

    `figures` are by name, in printing order; `KINDS` has the meaning and unit of each. `pictures` are in reading order.
    `unreadable` has (name, reason) of those that could not be captioned, and `without_pictures` the names that have
    captions but no picture. `notes` count names that did not match exactly. `signature` says in one line how the
    figures were computed; figures can be compared if their signatures are equal. `vocabulary` is the number of words
    that the model knows.
    """

    model: str
    split: str | None
    signature: str
    vocabulary: int
    figures: dict[str, Figure]
    pictures: tuple[EvaluatedPicture, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    without_pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def calibrated(self) -> bool:
        """Whether every caption has a confidence."""
        return all(picture.confidence is not None for picture in self.pictures)

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        return {"kind": KIND, "format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Evaluation":
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or of another type.
        """
        return cls(
            model=str(value["model"]),
            split=value["split"],
            signature=str(value["signature"]),
            vocabulary=int(value["vocabulary"]),
            figures={name: Figure(**figure) for name, figure in value["figures"].items()},
            pictures=tuple(_picture(picture) for picture in value["pictures"]),
            unreadable=tuple((str(name), str(reason)) for name, reason in value["unreadable"]),
            without_pictures=tuple(map(str, value.get("without_pictures", ()))),
            notes=tuple(map(str, value.get("notes", ()))),
        )


def _picture(value: Mapping[str, Any]) -> EvaluatedPicture:
    return EvaluatedPicture(
        name=str(value["name"]),
        caption=str(value["caption"]),
        score=float(value["score"]),
        confidence=None if value["confidence"] is None else float(value["confidence"]),
        unfamiliar=value["unfamiliar"],
        words=tuple((str(word), float(probability)) for word, probability in value["words"]),
        references=tuple(map(str, value["references"])),
        scores={str(name): float(score) for name, score in value["scores"].items()},
        copied=TrainingCaption(**value["copied"]) if value["copied"] else None,
        tags=tuple((str(name), float(probability)) for name, probability in value.get("tags", ())),
        hallucinated=tuple(map(str, value.get("hallucinated", ()))),
    )


def evaluation_bytes(evaluation: Evaluation) -> bytes:
    """An evaluation as the bytes of a JSON file."""
    return json_bytes(evaluation.to_json())


def write_evaluation(evaluation: Evaluation, path: str | Path) -> None:
    """Write an evaluation as JSON; an `InputError` if the file cannot be written."""
    try:
        write_bytes(Path(path), evaluation_bytes(evaluation))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def read_evaluation(path: str | Path) -> Evaluation:
    """Read a file of `write_evaluation`.

    Raises:
        InputError: the file is missing, damaged, or not an evaluation of this release.
    """
    value = read_json(Path(path))
    if not isinstance(value, dict) or value.get("kind") != KIND:
        raise InputError(f"{path}: not an evaluation: make one with showtell evaluate --out {path}")
    if value.get("format") != FORMAT:
        raise InputError(
            f"{path}: evaluation format {value.get('format')}, this release reads {FORMAT}: evaluate again"
        )
    try:
        found = Evaluation.from_json(value)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: a damaged evaluation ({error!r}): evaluate again") from error
    if not found.pictures:
        raise InputError(f"{path}: an evaluation of no pictures: evaluate again")
    return found
