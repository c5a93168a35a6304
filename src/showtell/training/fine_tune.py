"""Fine-tuning: the encoder learns to see what captions speak of, together with the decoder.

As Show and Tell did at its end (Vinyals et al. 2016, arXiv:1609.06647, section 4.3.3). The layers of an encoder that
lie before the first trained one are run once a picture, not once a step.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class FineTuneOptions:
    """The stage between cross-entropy and self-critical training; none where `epochs` is 0.

    An epoch goes through every training picture once, `pictures` of them in a batch, with `captions` true captions of
    each (some twice where it has fewer), and half of the pictures mirrored with `mirrored`. It begins from
    the best epoch so far, with a new optimiser. `learning_rate` is the decoder's; the encoder has its own, and a
    `weight_decay`. The encoder is trained from its layer `first_layer` on, which is the beginning of a weight's name;
    all of it is where that is empty. With `depthwise` the kernels of depthwise convolutions are trained, too, which
    takes as long as everything else together. `crop` is the least share of a picture's width, and of its height, that a
    step may see, at a random place and scaled to the whole; only an encoder that learns from its first layer on can.

    `keep_classes` is the weight of what holds the encoder to the classes that it was trained on: see
    `class_divergence`. Tags come from those; 0 lets them drift.
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
    crop: float = 1.0
    keep_classes: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 0 or self.pictures < 1 or self.captions < 1 or self.warmup_steps < 0:
            raise InputError("fine-tuning needs at least 1 picture a batch and 1 caption of each")
        if self.learning_rate <= 0 or self.encoder_learning_rate <= 0 or min(self.weight_decay, self.keep_classes) < 0:
            raise InputError("fine-tuning needs positive learning rates; weight_decay and keep_classes are at least 0")
        if not 0 < self.crop <= 1:
            raise InputError(f"crop is the least share of a picture's sides that is seen, in (0, 1], not {self.crop:g}")
        if self.crop < 1 and self.first_layer:
            raise InputError("crop needs first_layer to be empty: what lies before a later layer is run once a picture")


def choose(there: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`wanted` of the numbers 0 to `there` - 1 in a random order, none more than once more often than another."""
    times = -(-wanted // there)
    return np.concatenate([rng.permutation(there) for _ in range(times)])[:wanted]


def boxes(count: int, crop: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Random parts of pictures, `float32 (count, 4)`: left, top, width and height as shares of the whole, width and
    height at least `crop`.
    """
    sizes = rng.uniform(crop, 1, (count, 2))
    return np.concatenate([rng.uniform(0, 1 - sizes), sizes], axis=1).astype(np.float32)


def cropped(pictures: torch.Tensor, boxes: npt.NDArray[np.float32]) -> torch.Tensor:
    """Parts of pictures `uint8 (B, H, W, C)`, as `boxes` gives them, scaled bilinearly to the whole: `float32`."""
    channels_first = pictures.permute(0, 3, 1, 2).float()
    left, top, width, height = torch.from_numpy(boxes).to(pictures.device).unbind(1)
    zero = torch.zeros_like(left)
    # affine_grid's places go from -1 to 1 over the picture, whatever its size.
    across = torch.stack([width, zero, 2 * left + width - 1], dim=1)
    down = torch.stack([zero, height, 2 * top + height - 1], dim=1)
    places = functional.affine_grid(torch.stack([across, down], dim=1), [*channels_first.shape], align_corners=False)
    parts = functional.grid_sample(channels_first, places, padding_mode="border", align_corners=False)
    return parts.permute(0, 2, 3, 1)


def class_divergence(
    before: torch.Tensor, now: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor
) -> torch.Tensor:
    """How far a classifier has come to say something else of the same pictures, in nats: a scalar.

    It is the Kullback-Leibler divergence of the probabilities that it gives now from those that it gave before, as Li
    and Hoiem hold a network to its old tasks (2016, arXiv:1606.09282), averaged over the pictures.

    Arguments:
        before: pooled embeddings by the encoder as it came, `float32 (B, D)`.
        now: those of the same pictures by the encoder that is being trained, `float32 (B, D)`.
        weights: the classifier's, `float32 (C, D)`.
        biases: likewise, `(C,)`.
    """
    old, new = (functional.linear(pooled, weights, biases).float().log_softmax(1) for pooled in (before, now))
    return functional.kl_div(new, old, reduction="batchmean", log_target=True)
