"""How often an epoch meets a training picture, and with how many of its captions, by the data set that it is from.

A recipe may draw on several data sets, of which one has more pictures and another more captions of each. What an epoch
meets is a function of the random numbers that it is given, and as many pictures and captions each time.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from showtell.data.examples import Group

Item = TypeVar("Item")


class Sampling:
    """Which pictures an epoch meets, and with which of their captions."""

    def __init__(self, groups: Sequence[Group], pictures: Collection[str]) -> None:
        """Note how each of the `pictures` is met; those of no group are met once, with all of their captions."""
        grouped = {name for group in groups for name in group.train}
        rest = [name for name in pictures if name not in grouped]
        self._parts = [(rest, 1.0, 0)]
        for group in groups:
            names = [name for name in group.train if name in pictures]
            self._parts.append((names, group.weight, group.captions_per_picture))

    @property
    def plain(self) -> bool:
        """Whether every picture is met once, with all of its captions."""
        return all(weight == 1 and not captions for names, weight, captions in self._parts if names)

    def pictures(self, rng: np.random.Generator) -> list[str]:
        """The pictures of an epoch, data set by data set, a weight of 2.5 for two or three times each."""
        return [name for names, weight, _ in self._parts for name in drawn(names, weight, rng)]

    def chances(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """How likely each picture is when one is drawn, `(len(names),)`, 1 in sum."""
        weight_of = {name: weight for names, weight, _ in self._parts for name in names}
        weights = np.array([weight_of[name] for name in names])
        chances: npt.NDArray[np.float64] = weights / weights.sum()
        return chances

    def captions(self, there: Mapping[str, int], rng: np.random.Generator) -> list[tuple[str, int]]:
        """The captions of an epoch, each as a picture and the number of one of its captions, `there` in all."""
        met: list[tuple[str, int]] = []
        for names, weight, wanted in self._parts:
            if wanted:
                for name in drawn(names, weight, rng):
                    met += [(name, int(i)) for i in choose(there[name], wanted, rng)]
            else:
                met += drawn([(name, i) for name in names for i in range(there[name])], weight, rng)
        return met


def drawn(items: Sequence[Item], weight: float, rng: np.random.Generator) -> list[Item]:
    """Every item as often as the whole part of `weight` says, and so large a share of them as the rest is once more."""
    whole = int(weight)
    more = round((weight - whole) * len(items))
    return [*items] * whole + [items[i] for i in sorted(rng.permutation(len(items))[:more])]


def choose(there: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`wanted` of the numbers 0 to `there` - 1 in a random order, none more than once more often than another."""
    times = -(-wanted // there)
    return np.concatenate([rng.permutation(there) for _ in range(times)])[:wanted]
