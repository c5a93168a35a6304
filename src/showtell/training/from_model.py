"""A trained model as the start of a run: its words and its decoder's weights."""

from collections.abc import Iterable
from pathlib import Path

import torch

from showtell.decoders.base import Decoder
from showtell.errors import InputError
from showtell.models.bundle import Bundle, read_bundle
from showtell.models.names import find_model
from showtell.text import Vocabulary


def start_model(model: str, root: Path) -> Bundle | None:
    """The bundle that a recipe's `from_model` names: a path relative to `root`, or the name of a model; None for "".

    Raises:
        BundleError: there is no such bundle, or it cannot be read.
    """
    if not model:
        return None
    return read_bundle(root / model if (root / model).exists() else find_model(model))


def joined_vocabulary(own: Vocabulary, bundle: Bundle | None) -> Vocabulary:
    """The words of the training captions and those of the model."""
    return Vocabulary(tuple(sorted({*own.entries, *bundle.vocabulary.entries}))) if bundle else own


def start_from(decoder: Decoder, words: Vocabulary, bundle: Bundle) -> None:
    """Give a decoder the weights of a model's, each word its own; words that the model lacks keep their random weights.

    Arguments:
        decoder: of the model's kind and sizes.
        words: the decoder's vocabulary.
        bundle: the model.

    Raises:
        InputError: the model's decoder is of another kind or size.
    """
    given = {name: torch.from_numpy(array.copy()) for name, array in bundle.weights().items()}
    rows = torch.tensor([words.ids[entry] for entry in bundle.vocabulary.entries])
    state = decoder.state_dict()
    for name in _untied(decoder, given):
        weights, before = given.get(name), state[name]
        if weights is not None and weights.shape == before.shape:  # words, too, where the model has all of them
            before.copy_(weights)
        elif weights is not None and weights.shape == (len(rows), *before.shape[1:]) and len(before) == len(words):
            before[rows.to(before.device)] = weights.to(before)
        else:
            kind = bundle.model["decoder"]
            raise InputError(
                f"{bundle.path}: its decoder ({kind['kind']}) has no weights that fit {name}: give the recipe the "
                f"model's own [decoder], {kind.get('options')}"
            )


def _untied(decoder: Decoder, given: Iterable[str]) -> list[str]:
    """The names of the decoder's tensors; of those that are one tensor, the name that the model has."""
    named = set(given)
    by_place: dict[int, list[str]] = {}
    for name, tensor in decoder.state_dict().items():
        by_place.setdefault(tensor.data_ptr(), []).append(name)
    return [next((name for name in names if name in named), names[0]) for names in by_place.values()]
