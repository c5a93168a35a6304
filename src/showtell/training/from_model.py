"""A trained model as the start of a run: its encoder, its words and its decoder's weights."""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from showtell.config import table_of
from showtell.decoders.base import Decoder
from showtell.decoders.registry import kind_of
from showtell.encoders.trained import TRAINED_NAME
from showtell.errors import InputError
from showtell.models.bundle import INT8_FORMAT, Bundle, read_bundle
from showtell.models.names import find_model
from showtell.text import Vocabulary
from showtell.training.recipe import FROM_MODEL, Recipe

LEARNING_RATE = 3e-4
"""Of a run that starts from a model, where its recipe sets none: a third of that from scratch."""


def start_model(model: str, root: Path) -> Bundle | None:
    """The bundle that a recipe's `from_model` names: a path relative to `root`, or the name of a model; None for "".

    Raises:
        BundleError: there is no such bundle, or it cannot be read.
    """
    if not model:
        return None
    return read_bundle(root / model if (root / model).exists() else find_model(model))


def with_model(tables: Mapping[str, Any], model: str, root: Path) -> dict[str, Any]:
    """The tables of a recipe that starts from a model, with the model's own values where the recipe has none.

    Arguments:
        tables: the tables of a recipe.
        model: the bundle or its name, for `training.from_model`.
        root: the folder for relative paths of the recipe.

    The decoder's kind and sizes, the encoder with its output and resizing, the search settings and the type of stored
    weights are the model's. The encoder stays as it is, unless `[fine_tune]` trains it.

    Raises:
        BundleError: there is no such bundle, or it cannot be read.
        InputError: its decoder is none that can be trained.
    """
    filled = copy.deepcopy(dict(tables))
    training = filled.setdefault("training", dict(table_of(filled, "training")))
    training["from_model"] = model
    training.setdefault("learning_rate", LEARNING_RATE)
    bundle = start_model(model, root)
    assert bundle
    described = bundle.model
    try:
        kind_of(described["decoder"]["kind"])
    except InputError as error:
        raise InputError(f"{bundle.path}: cannot be trained further: {error}") from error
    if "decoder" not in filled:
        filled["decoder"] = {"kind": described["decoder"]["kind"], **described["decoder"]["options"]}
    encoder = filled.setdefault("encoder", {})
    if table_of(filled, "fine_tune").get("epochs"):
        network = described["recipe"]["encoder"]["name"]
        if network == FROM_MODEL:  # of a model before that one
            network = str(described["encoder"]["name"]).removesuffix(TRAINED_NAME)
        encoder.setdefault("name", network)
        encoder.setdefault("weights", str(Path(bundle.path).resolve()))
    encoder.setdefault("name", FROM_MODEL)
    encoder.setdefault("output", described["output"])
    encoder.setdefault("resize", described["resize"])
    filled.setdefault("search", {key: value for key, value in described["search"].items() if value not in ([], ())})
    if described["format"] == INT8_FORMAT:
        filled.setdefault("export", {"weights": "int8"})
    return filled


def own_encoder(recipe: Recipe, bundle: Bundle | None) -> bytes | None:
    """The graph of the model that a run starts from, if the recipe's encoder is `from_model`; else None.

    Raises:
        InputError: there is no model, or options contradict that its encoder stays exactly as it is.
    """
    if recipe.encoder.name != FROM_MODEL:
        return None
    if not bundle:
        raise InputError(f"the encoder {FROM_MODEL} is that of training.from_model: name a model there")
    if recipe.encoder.weights or recipe.encoder.precision != "float32" or recipe.fine_tune.epochs:
        raise InputError(
            f"the encoder {FROM_MODEL} stays as the model has it: leave out weights, precision and [fine_tune], or "
            "name the encoder"
        )
    return bundle.parts["encoder.onnx"]


def joined_vocabulary(own: Vocabulary, bundle: Bundle | None) -> Vocabulary:
    """The words of the training captions and those of the model."""
    if not bundle:
        return own
    words = own_words(bundle)
    return Vocabulary(tuple(sorted({*own.entries, *words.entries})), words.rules)


def own_words(bundle: Bundle) -> Vocabulary:
    """The vocabulary of a model of this package; an `InputError` if it is that of a pretrained captioner."""
    if not isinstance(bundle.vocabulary, Vocabulary):
        raise InputError(f"{bundle.path}: is a pretrained captioner, which cannot be trained further here")
    return bundle.vocabulary


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
