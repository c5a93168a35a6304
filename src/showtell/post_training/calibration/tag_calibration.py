"""Calibrates a model's tags along with the rest, tries them as a guide, and writes them into the bundle."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Calibration
from showtell.captioning.tags import ClassHead, Tagger
from showtell.encoders import classifier
from showtell.errors import InputError
from showtell.models.bundle import Bundle
from showtell.models.card import with_section
from showtell.post_training.calibration.fit import CalibrationSet
from showtell.post_training.calibration.guiding import HARM, try_guiding
from showtell.post_training.calibration.tags import CaptionedEmbeddings, fit_tags
from showtell.search import Floats

MOST_PICTURES = 20_000
"""The most training pictures that tags are fitted on."""


class EmbeddingTap:
    """Keeps captions and embeddings, averaged over cells, of training pictures that pass through it."""

    def __init__(self, captions: Mapping[str, Sequence[str]]) -> None:
        self.captions = captions
        self.names: list[str] = []
        self._pooled: list[npt.NDArray[np.float16]] = []

    def through(self, pieces: Iterable[tuple[Sequence[str], Floats]]) -> Iterator[Floats]:
        """The embeddings, unchanged."""
        for names, embeddings in pieces:
            if len(self.names) < MOST_PICTURES:
                self.names += names
                pooled = embeddings.mean(axis=1) if embeddings.ndim == 3 else embeddings
                self._pooled.append(pooled.astype(np.float16))
            yield embeddings

    def captioned(self) -> CaptionedEmbeddings | None:
        """What has passed; None if nothing has."""
        if not self.names:
            return None
        pooled = np.concatenate(self._pooled)
        captions = [self.captions[name] for name in self.names]
        return CaptionedEmbeddings(lambda rows: pooled[np.asarray(rows, np.int64)].astype(np.float32), captions)


def classifier_of(bundle: Bundle) -> Tagger:
    """A tagger with the classifier that the bundle's encoder was trained with.

    Raises:
        InputError: no classifier of that encoder is known.
        MissingExtra: the package with the classifier is not installed.
    """
    encoder = bundle.model["encoder"]
    found = classifier(encoder["name"])
    if found is None:
        raise InputError(f"{bundle.path}: there is no classifier for its encoder, {encoder['name']}: leave out --tags")
    return Tagger(ClassHead.of(*found))


def fit_tagger(tagger: Tagger, known: CalibrationSet, tap: EmbeddingTap) -> Tagger:
    """The tagger with its calibration; without one if there are too few pictures."""
    fitted = fit_tags(tagger, CaptionedEmbeddings(known.take, list(known.references.values())), tap.captioned())
    return Tagger(tagger.head, fitted)


def with_guiding(
    captioner: Captioner, calibration: Calibration, tagger: Tagger, known: CalibrationSet, *, show: bool = True
) -> Tagger:
    """The tagger with a calibration that says whether captions are guided; unchanged if it has no calibration."""
    fitted = tagger.calibration
    if fitted is None:
        return tagger
    tried = try_guiding(captioner, calibration, tagger, known, show=show)
    figures: dict[str, Any] = {**fitted.figures, "guiding": tried}
    return tagger.calibrated(dataclasses.replace(fitted, guide=tried["difference"] >= -HARM, figures=figures))


def with_tags(parts: Mapping[str, bytes], tagger: Tagger) -> dict[str, bytes]:
    """A bundle's parts with this tagger instead of any other; its card describes it."""
    card = with_section(parts["README.md"].decode(), "Tags", _card_lines(tagger)) if "README.md" in parts else ""
    return {**parts, **tagger.to_parts(), **({"README.md": card.encode()} if card else {})}


def _card_lines(tagger: Tagger) -> str:
    """The model card's section about tags, as Markdown."""
    lines = [
        "- Tags are plain names of ImageNet's 1,000 classes, from the classifier that the encoder was trained with"
    ]
    fitted = tagger.calibration
    if fitted is None:
        lines.append("- Their probabilities are the classifier's own, not calibrated")
    else:
        sure, tried = fitted.figures["sure_tags"], fitted.figures["guiding"]
        if sure["count"]:
            lines.append(
                f"- Calibrated against whether people's captions mention them: of {sure['count']} tags above 50%, "
                f"stated {sure['stated']:.0%}, {sure['true']:.0%} were mentioned"
            )
        lines.append(
            f"- Captions are {'' if fitted.guide else 'not '}guided by them: CIDEr-D on the calibration pictures "
            f"{100 * tried['cider_d_guided']:.1f} with, {100 * tried['cider_d_plain']:.1f} without"
        )
    return "\n".join(lines) + "\n"
