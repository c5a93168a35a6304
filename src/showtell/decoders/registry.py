"""Decoders in PyTorch: embeddings and the words so far -> logits of the next word.

Every decoder has `hidden` and `logits` for teacher forcing over whole captions, and `start` and `step`, which write one
word at a time and are what is exported; one over a grid also has `look`, a step that says where it looked. `build`
makes one from its kind and options.
"""

from collections.abc import Callable

from showtell.decoders.attention import Attention, AttentionOptions
from showtell.decoders.base import Decoder
from showtell.decoders.show_and_tell import ShowAndTell, ShowAndTellOptions
from showtell.decoders.transformer import Transformer, TransformerOptions
from showtell.errors import InputError

__all__ = [
    "KINDS",
    "Attention",
    "AttentionOptions",
    "Decoder",
    "DecoderOptions",
    "ShowAndTell",
    "ShowAndTellOptions",
    "Transformer",
    "TransformerOptions",
    "build",
    "options_of",
]

DecoderOptions = ShowAndTellOptions | AttentionOptions | TransformerOptions
KINDS: dict[str, tuple[Callable[..., Decoder], type[DecoderOptions]]] = {
    "show_and_tell": (ShowAndTell, ShowAndTellOptions),
    "attention": (Attention, AttentionOptions),
    "transformer": (Transformer, TransformerOptions),
}


def options_of(kind: str) -> type[DecoderOptions]:
    """The class of a decoder kind's options; an `InputError` that lists the kinds where there is none."""
    if kind not in KINDS:
        raise InputError(f"decoder kind {kind!r} is unknown: choose one of {', '.join(KINDS)}")
    return KINDS[kind][1]


def build(kind: str, options: DecoderOptions, embedding_shape: tuple[int, ...], vocabulary_size: int) -> Decoder:
    """A decoder with freshly initialised weights.

    Arguments:
        kind: a key of `KINDS`.
        options: that kind's options.
        embedding_shape: `(D,)` or `(L, D)`.
        vocabulary_size: entries of the vocabulary, `V`.
    """
    return KINDS[kind][0](options, embedding_shape, vocabulary_size)
