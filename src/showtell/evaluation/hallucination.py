"""Captions and references -> objects that a caption names and no reference does.

`chair` is CHAIR (Rohrbach et al. 2018, arXiv:1809.02156) against references alone: the mentions of COCO's 80 objects
and their synonyms. `hallucination` also counts the objects that ImageNet's classes name. `showtell.captioning.objects`
lists both. The paper counts the objects of COCO's segmentations as present, too. References omit much that a picture
shows, so these rates are higher than the paper's, and higher than the share of wrong captions. Use them to compare
models on the same pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.captioning.objects import coco_mentions, objects_of
from showtell.evaluation.figures import Means
from showtell.metrics.result import Floats


def hallucinated(caption: str, references: Sequence[str]) -> tuple[str, ...]:
    """The objects that a caption names and no reference does, each once, in the caption's order."""
    known = {name for reference in references for name in objects_of(reference)}
    return tuple(name for name in objects_of(caption) if name not in known)


def hallucination(captions: Sequence[str], references: Mapping[str, Sequence[str]]) -> Means:
    """The share of captions that name an object which no reference of their picture names, as CHAIRs.

    Arguments:
        captions: one for each picture.
        references: by picture, in the same order.
    """
    wrong = [bool(hallucinated(text, known)) for text, known in zip(captions, references.values(), strict=True)]
    return Means(("hallucinated",), np.array(wrong, np.float64)[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class Chair:
    """CHAIRs, the share of captions with a hallucinated object, and CHAIRi, the share of mentions that are.

    `statistics` is `float64 (N, 4)`, for each picture: whether its caption hallucinates, 1, the hallucinated mentions,
    and all mentions.
    """

    statistics: Floats

    @property
    def names(self) -> tuple[str, ...]:
        return ("chair_s", "chair_i")

    @property
    def combine(self) -> Callable[[Floats], Floats]:
        return lambda sums: sums[..., 0::2] / np.maximum(sums[..., 1::2], 1.0)


def chair(captions: Sequence[str], references: Mapping[str, Sequence[str]]) -> Chair:
    """CHAIR of captions, one for each picture of `references`, in the same order."""
    rows = []
    for text, texts in zip(captions, references.values(), strict=True):
        known = {name for reference in texts for name in coco_mentions(reference)}
        said = coco_mentions(text)
        wrong = sum(name not in known for name in said)
        rows.append((wrong > 0, 1, wrong, len(said)))
    return Chair(np.array(rows, np.float64))
