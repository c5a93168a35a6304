"""Fine-tuning: the encoder learns to see what captions speak of, together with the decoder.

As Show and Tell did at its end (Vinyals et al. 2016, arXiv:1609.06647, section 4.3.3). The layers of an encoder that
lie before the first trained one are run once a picture, not once a step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class FineTuneOptions:
    """The stage between cross-entropy and self-critical training; none where `epochs` is 0.

    An epoch goes through every training picture once, `pictures` of them in a batch, with `captions` true captions of
    each (some twice where it has fewer), and half of the pictures mirrored with `mirrored`. It begins from
    the best epoch so far, with a new optimiser. `learning_rate` is the decoder's; the encoder has its own, and a
    `weight_decay`. The encoder is trained from its layer `first_layer` on, which is the beginning of a weight's name;
    all of it is where that is empty. With `depthwise` the kernels of depthwise convolutions are trained, too, which
    takes as long as everything else together.
    """

    epochs: int = 0
    pictures: int = 16
    captions: int = 5
    learning_rate: float = 5e-4
    encoder_learning_rate: float = 1e-4
    warmup_steps: int = 100
    weight_decay: float = 0.01
    first_layer: str = ""
    depthwise: bool = False
    mirrored: bool = True

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.pictures < 1 or self.captions < 1 or self.warmup_steps < 0:
            raise InputError("fine-tuning needs at least 1 picture a batch and 1 caption of each")
        if self.learning_rate <= 0 or self.encoder_learning_rate <= 0 or self.weight_decay < 0:
            raise InputError("fine-tuning needs positive learning rates, and a weight_decay that is not negative")


def choose(there: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`wanted` of the numbers 0 to `there` - 1 in a random order, none more than once more often than another."""
    times = -(-wanted // there)
    return np.concatenate([rng.permutation(there) for _ in range(times)])[:wanted]
