"""The training captions -> what one caption for every picture is worth: the least that a model must beat."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from showtell.metrics import cider_d
from showtell.metrics.ptb import ptb_tokenize
from showtell.training.validate import GroupValidator

_CANDIDATES = 20  # the commonest captions, of which the one that suits the training pictures best is taken
_PICTURES = 200  # training pictures that choose it


@dataclass(frozen=True, slots=True)
class Baseline:
    """A caption that suits many training pictures, and its CIDEr-D (0 to 10) as the caption of every validation
    picture. `pictures` is the number of these.
    """

    caption: str
    cider_d: float
    pictures: int


def baseline_of(training: Mapping[str, Sequence[str]], validator: GroupValidator) -> Baseline:
    """The baseline of a run.

    Arguments:
        training: the training captions by picture name.
        validator: the references of the validation pictures.

    Of the commonest captions, that with the highest CIDEr-D on some training pictures is chosen: where most captions
    occur once, the commonest alone says little.
    """
    spaced = validator.rules.spaced
    counts = Counter(" ".join(ptb_tokenize(spaced(text))) for texts in training.values() for text in texts)
    names = random.Random(0).sample(sorted(training), min(_PICTURES, len(training)))
    references = {name: [ptb_tokenize(spaced(text)) for text in training[name]] for name in names}
    candidates = [caption for caption, _ in counts.most_common(_CANDIDATES)]
    worth = [cider_d(dict.fromkeys(names, caption.split()), references).corpus["CIDEr-D"] for caption in candidates]
    best = max(range(len(candidates)), key=lambda i: (worth[i], -i))
    return Baseline(candidates[best], validator.constant(candidates[best]), len(validator.names))
