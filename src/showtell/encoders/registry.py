"""The encoders by name: what each module of `showtell.encoders.sources` registers.

To add a source of encoders, add a file to that room (see `docs/contributing/encoder.md`).
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from showtell.encoders import sources
from showtell.encoders.sources.base import REGISTERED, Classifier, EncoderEntry, EncoderSource
from showtell.errors import InputError


@functools.cache
def encoder_sources() -> Mapping[str, EncoderSource]:
    """All sources by what stands before the colon of their encoders' names: the modules of the room are imported."""
    for module in pkgutil.iter_modules(sources.__path__):
        importlib.import_module(f"{sources.__name__}.{module.name}")
    return {prefix: REGISTERED[prefix] for prefix in sorted(REGISTERED)}


def encoder_names() -> list[str]:
    """Names that `find` knows; words in capitals stand for names that another package, or the user, gives."""
    return sorted({name for source in encoder_sources().values() for name in source.names})


def find(name: str, weights: Path | None = None, root: Path = Path()) -> EncoderEntry:
    """The entry of an encoder.

    Arguments:
        name: one of `encoder_names`.
        weights: a file with the network's weights; None for those that its source has. For EfficientNet-Lite it is a
            trained encoder: the ONNX graph that training left, or a model bundle that has one.
        root: what relative paths are relative to, that in `onnx:FILE` and `weights`.

    Raises:
        InputError: the name is unknown (the message lists the names), or its weights cannot be chosen.
    """
    prefix, _, inner = name.partition(":")
    source = encoder_sources().get(prefix)
    if source is None or (source.has_prefix and not inner):
        raise InputError(f"encoder {name!r} is unknown: choose one of {', '.join(encoder_names())}")
    if weights and source.own_weights:
        raise InputError(f"the encoder {name} has its own weights: leave out {weights}")
    if weights and not weights.is_file():
        raise InputError(f"{weights}: there is no such file of weights")
    return source.find(inner if source.has_prefix else name, weights, root)


def classifier(name: str) -> Classifier | None:
    """The layer that the encoder's network ended in, before it became an encoder; None where none is known.

    Raises:
        MissingExtra: the package with its weights is not installed.
        InputError: the weight file is not the one that this release was made for.
    """
    source = encoder_sources().get(name.partition(":")[0])
    return source.classifier(name) if source and source.classifier else None
