"""Captions and references -> objects that a caption names and no reference does.

CHAIR (Rohrbach et al. 2018, arXiv:1809.02156) against references alone; `showtell.captioning.objects` lists the
objects. References omit much that a picture shows, so the rate is higher than the share of wrong captions. Use it to
compare models on the same pictures.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from showtell.captioning.objects import objects_of
from showtell.evaluation.figures import Means


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
