"""The registry of encoders: the sources that the modules of `showtell.encoders.sources` register.

To add a source, add a file to that room (see `docs/contributing/encoder.md`).
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

from showtell.encoders import sources
from showtell.encoders.sources.base import REGISTERED, Classifier, EncoderEntry, EncoderSource
from showtell.errors import InputError, near


@functools.cache
def encoder_sources() -> Mapping[str, EncoderSource]:
    """All sources, by the part of their encoders' names before the colon. It imports the modules of the room."""
    for module in pkgutil.iter_modules(sources.__path__):
        importlib.import_module(f"{sources.__name__}.{module.name}")
    return {prefix: REGISTERED[prefix] for prefix in sorted(REGISTERED)}


def encoder_names() -> list[str]:
    """Names that `find` knows; words in capitals stand for names of another package or of the user."""
    return sorted({name for source in encoder_sources().values() for name in source.names})


def find(name: str, weights: Path | None = None, root: Path = Path()) -> EncoderEntry:
    """The entry of an encoder.

    Arguments:
        name: one of `encoder_names`.
        weights: a file with the network's weights; None for the weights of its source. For EfficientNet-Lite it is a
            trained encoder: the ONNX graph of a training run, or a model bundle.
        root: the folder for relative paths, in `onnx:FILE` and `weights`.

    Raises:
        InputError: the name is unknown (the message lists the names), or its weights cannot be chosen.
    """
    prefix, _, inner = name.partition(":")
    source = encoder_sources().get(prefix)
    if source is None or (source.has_prefix and not inner):
        raise InputError(
            f"encoder {name!r} is unknown{near(name, encoder_names())}: choose one of {', '.join(encoder_names())}"
        )
    if weights and source.own_weights:
        raise InputError(f"the encoder {name} has its own weights: leave out {weights}")
    if weights and not weights.is_file():
        raise InputError(f"{weights}: there is no such weight file")
    return source.find(inner if source.has_prefix else name, weights, root)


def classifier(name: str) -> Classifier | None:
    """The classifier that the encoder's network was trained with; None if none is known.

    Raises:
        MissingExtra: the package with its weights is not installed.
        InputError: the weight file is not the one that this release was made for.
    """
    source = encoder_sources().get(name.partition(":")[0])
    return source.classifier(name) if source and source.classifier else None
