"""A recipe -> the stages of its training run, in order."""

from collections.abc import Mapping, Sequence

import torch

from showtell.data.examples import Group
from showtell.encoders import classifier
from showtell.errors import InputError
from showtell.text import Vocabulary
from showtell.training.encoder.frozen_features import FrozenFeatures
from showtell.training.recipe import Recipe
from showtell.training.sampling import Sampling
from showtell.training.stages.base import Stage
from showtell.training.stages.cross_entropy import CrossEntropy
from showtell.training.stages.encoder_input import EncoderInput
from showtell.training.stages.fine_tune import FineTune
from showtell.training.stages.self_critical import SelfCritical
from showtell.training.text_only import TextOnly


def stages_of(
    recipe: Recipe,
    captions: Mapping[str, Sequence[str]],
    rows: Mapping[str, int],
    words: Vocabulary,
    inputs: FrozenFeatures | None = None,
    sampling: Sampling | None = None,
    texts: TextOnly | None = None,
    groups: Sequence[Group] = (),
) -> list[Stage]:
    """The stages of a recipe, in order.

    Arguments:
        recipe: the recipe.
        captions: the training captions by picture name.
        rows: the row of each picture in the first stage's store.
        words: the decoder's vocabulary.
        inputs: the inputs of the encoder's trained layers; None if none are trained.
        sampling: how often each picture and caption is used in an epoch; None for once.
        texts: captions without pictures; None for none.
        groups: the data sets of the pictures.
    """
    stages: list[Stage] = [CrossEntropy(recipe.training, captions, rows, words, sampling, texts)]
    encoder = EncoderInput(recipe.fine_tune, inputs, _head(recipe)) if inputs else None
    if encoder:
        stages.append(FineTune(recipe.fine_tune, recipe.training, captions, words, encoder, sampling))
    if recipe.self_critical.epochs:
        learns = encoder if recipe.self_critical.encoder_learning_rate else None
        stages.append(SelfCritical(recipe.self_critical, recipe.training, captions, words, sampling, learns, groups))
    return stages


def _head(recipe: Recipe) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The classifier for `keep_classes`: weights `(C, D)` and biases `(C,)`."""
    if not recipe.fine_tune.keep_classes:
        return None
    found = classifier(recipe.encoder.name)
    if found is None:
        raise InputError(
            f"keep_classes needs the classifier that the encoder was trained with; there is none for "
            f"{recipe.encoder.name}: leave it out"
        )
    weights, biases = found
    return torch.from_numpy(weights), torch.from_numpy(biases)
