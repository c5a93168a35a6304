"""The interface of encoder sources, and the decorator that registers them.

A source is a function in a file of this room. It takes a name, an optional weight file and the folder for relative
paths, and returns an `EncoderEntry`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from showtell.errors import refuse_duplicate

Classifier: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Weights `(C, D)` and biases `(C,)` that turn pooled embeddings into class logits."""


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """An encoder: `export` builds its ONNX graph, and `key` gives the graph's cache key.

    `key` finds and checks the weights and returns a few hexadecimal digits that identify the graph. It is None if the
    graph already exists, so that the cache need not keep it.
    """

    key: Callable[[], str] | None
    export: Callable[[], bytes]


Find: TypeAlias = Callable[[str, Path | None, Path], EncoderEntry]


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A source of encoders.

    `names` are what people write: an encoder's whole name, or `PREFIX:NAME` if another package or the user gives the
    name. `find` gets the part after the colon, or the whole name without a prefix. A source with `own_weights` takes no
    weight file. `classifier` gives the classifier that the network was trained with, if it is known.
    """

    names: tuple[str, ...]
    help: str
    find: Find
    own_weights: bool = False
    classifier: Callable[[str], Classifier | None] | None = None

    @property
    def has_prefix(self) -> bool:
        """Whether names of its encoders start with a prefix and a colon."""
        return ":" in self.names[0]


REGISTERED: dict[str, EncoderSource] = {}
"""The sources of the modules imported so far, by the part of a name before the colon;
`showtell.encoders.registry.encoder_sources` has all.
"""


def encoder_source(
    *names: str, help: str, own_weights: bool = False, classifier: Callable[[str], Classifier | None] | None = None
) -> Callable[[Find], Find]:
    """Register a function as the source of these names; the arguments are those of `EncoderSource`."""

    def register(find: Find) -> Find:
        source = EncoderSource(names, help, find, own_weights, classifier)
        for name in names:
            prefix = name.partition(":")[0]
            if prefix in REGISTERED:
                refuse_duplicate(f"the encoder source {prefix!r}", REGISTERED[prefix].find, find)
            REGISTERED[prefix] = source
        return find

    return register
