"""The registry of decoders: the kinds, by name, that the modules of this room register.

Every decoder has `hidden` and `logits` for teacher forcing over whole captions, and `start` and `step`, which write one
word at a time and are exported. A decoder over a grid also has `look`, a step that returns its attention. `build` makes
a decoder from its kind and options. To add a decoder, add a file (see `docs/contributing/decoder.md`).
"""

import functools
import importlib
import pkgutil
from collections.abc import Mapping

import showtell.decoders
from showtell.decoders.base import REGISTERED, Decoder, DecoderKind, DecoderOptions
from showtell.errors import InputError, near

_NOT_DECODERS = {"export", "registry", "runtime"}


@functools.cache
def decoder_kinds() -> Mapping[str, DecoderKind]:
    """All kinds by name, in alphabetical order. It imports the modules of the room, which register them."""
    for module in pkgutil.iter_modules(showtell.decoders.__path__):
        if module.name not in _NOT_DECODERS:
            importlib.import_module(f"{showtell.decoders.__name__}.{module.name}")
    return {name: REGISTERED[name] for name in sorted(REGISTERED)}


def kind_of(name: str) -> DecoderKind:
    """The kind with this name; without one, an `InputError` that lists the kinds."""
    kinds = decoder_kinds()
    if name not in kinds:
        raise InputError(f"decoder kind {name!r} is unknown{near(name, kinds)}: choose one of {', '.join(kinds)}")
    return kinds[name]


def build(kind: str, options: DecoderOptions, embedding_shape: tuple[int, ...], vocabulary_size: int) -> Decoder:
    """A decoder with newly initialized weights.

    Arguments:
        kind: the name of the kind.
        options: the options of that kind.
        embedding_shape: `(D,)` or `(L, D)`.
        vocabulary_size: entries of the vocabulary, `V`.
    """
    return kind_of(kind).build(options, embedding_shape, vocabulary_size)
