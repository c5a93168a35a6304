"""What an encoder source gives, and the decorator that makes it known.

A source is a function of one file of this room. It takes a name, a file of weights where the user gave one, and the
folder that relative paths are relative to, and returns an `EncoderEntry`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Classifier: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Weights `(C, D)` and biases `(C,)` that make logits of classes from pooled embeddings."""


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """One encoder: `export` builds its ONNX graph, and `key` is what the cache knows that graph by.

    `key` finds and checks the weights, and says in a few hexadecimal digits what will be exported; it is None where the
    graph is at hand and nothing is gained by caching it.
    """

    key: Callable[[], str] | None
    export: Callable[[], bytes]


Find: TypeAlias = Callable[[str, Path | None, Path], EncoderEntry]


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """A source of encoders.

    `names` are what people write: an encoder's whole name, or `PREFIX:NAME` where another package, or the user, gives
    the name. `find` is given what follows the colon, or the whole name where there is no prefix. A source with
    `own_weights` takes no file of weights. `classifier` gives the layer that the network ended in, before it became an
    encoder, where that is known.
    """

    names: tuple[str, ...]
    help: str
    find: Find
    own_weights: bool = False
    classifier: Callable[[str], Classifier | None] | None = None

    @property
    def has_prefix(self) -> bool:
        """Whether names of its encoders begin with a prefix and a colon."""
        return ":" in self.names[0]


REGISTERED: dict[str, EncoderSource] = {}
"""The sources of the modules that were imported so far, by what stands before the colon of a name;
`showtell.encoders.registry.encoder_sources` has all.
"""


def encoder_source(
    *names: str, help: str, own_weights: bool = False, classifier: Callable[[str], Classifier | None] | None = None
) -> Callable[[Find], Find]:
    """Make a function known as the source of these names; the arguments are those of `EncoderSource`."""

    def register(find: Find) -> Find:
        source = EncoderSource(names, help, find, own_weights, classifier)
        for name in names:
            prefix = name.partition(":")[0]
            if prefix in REGISTERED and REGISTERED[prefix].find.__module__ != find.__module__:
                raise ValueError(f"two encoder sources are called {prefix}")
            REGISTERED[prefix] = source
        return find

    return register
