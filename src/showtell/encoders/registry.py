"""The encoders by name. Each source of weights has a file of its own; everything else asks `find`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from showtell.encoders.sources import efficientnet_lite, keras, onnx, timm
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Entry:
    """One encoder: `export` builds its ONNX graph, and `key` is what the cache knows that graph by.

    `key` finds and checks the weights, and says in a few hexadecimal digits what will be exported; it is None where the
    graph is at hand and nothing is gained by keeping it.
    """

    key: Callable[[], str] | None
    export: Callable[[], bytes]


def encoder_names() -> list[str]:
    """Names that `find` knows; words in capitals stand for names that another package, or the user, gives."""
    return [*sorted(efficientnet_lite.VARIANTS), "keras:NAME", "timm:NAME", "onnx:FILE"]


def find(name: str, weights: Path | None = None, root: Path = Path()) -> Entry:
    """The entry of an encoder.

    Arguments:
        name: one of `encoder_names`.
        weights: a file with the network's weights; None for those that its source has. For EfficientNet-Lite it is a
            trained encoder: the ONNX graph that training left, or a model bundle that has one.
        root: what relative paths are relative to, that in `onnx:FILE` and `weights`.

    Raises:
        InputError: the name is unknown (the message lists the names), or its weights cannot be chosen.
    """
    source, _, inner = name.partition(":")
    lite = efficientnet_lite.is_known(name)
    if weights and source == "onnx":
        raise InputError(f"the encoder {name} has its own weights: leave out {weights}")
    if weights and not weights.is_file():
        raise InputError(f"{weights}: there is no such file of weights")
    if lite and weights:
        return Entry(None, partial(efficientnet_lite.export, name, weights))
    if lite:
        return Entry(partial(efficientnet_lite.key, name), partial(efficientnet_lite.export, name))
    if source == "keras" and inner:
        return Entry(partial(keras.key, inner, weights), partial(keras.export, inner, weights))
    if source == "timm" and inner:
        return Entry(partial(timm.key, inner, weights), partial(timm.export, inner, weights))
    if source == "onnx" and inner:
        return Entry(None, partial(onnx.export, root / inner))
    raise InputError(f"encoder {name!r} is unknown: choose one of {', '.join(encoder_names())}")


def classifier(name: str) -> efficientnet_lite.Classifier | None:
    """The layer that the encoder's network ended in, before it became an encoder; None where none is known.

    Raises:
        MissingExtra: the package with its weights is not installed.
        InputError: the weight file is not the one that this release was made for.
    """
    return efficientnet_lite.classifier(name) if efficientnet_lite.is_known(name) else None
