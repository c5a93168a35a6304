"""How often an epoch uses each training picture, and with how many of its captions, by data set.

A recipe may use several data sets with different numbers of pictures, and of captions per picture. The random numbers
decide the choice of an epoch; the numbers of pictures and captions are the same in each epoch.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from showtell.data.examples import Group

Item = TypeVar("Item")


class Sampling:
    """Chooses the pictures of an epoch, and their captions."""

    def __init__(self, groups: Sequence[Group], pictures: Collection[str]) -> None:
        """Record how often each of the `pictures` is used. Those in no group are used once, with all of their
        captions.
        """
        grouped = {name for group in groups for name in group.train}
        rest = [name for name in pictures if name not in grouped]
        self._parts = [(rest, 1.0, 0)]
        for group in groups:
            names = [name for name in group.train if name in pictures]
            self._parts.append((names, group.weight, group.captions_per_picture))

    @property
    def plain(self) -> bool:
        """Whether every picture is used once, with all of its captions."""
        return all(weight == 1 and not captions for names, weight, captions in self._parts if names)

    def pictures(self, rng: np.random.Generator) -> list[str]:
        """The pictures of an epoch, data set by data set; a weight of 2.5 uses each two or three times."""
        return [name for names, weight, _ in self._parts for name in drawn(names, weight, rng)]

    def chances(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """The probability of each picture when one is drawn, `(len(names),)`, with sum 1."""
        weight_of = {name: weight for names, weight, _ in self._parts for name in names}
        weights = np.array([weight_of[name] for name in names])
        chances: npt.NDArray[np.float64] = weights / weights.sum()
        return chances

    def captions(self, counts: Mapping[str, int], rng: np.random.Generator) -> list[tuple[str, int]]:
        """The captions of an epoch, each as a picture and the number of one of its captions; `counts` says how many it
        has.
        """
        met: list[tuple[str, int]] = []
        for names, weight, wanted in self._parts:
            if wanted:
                for name in drawn(names, weight, rng):
                    met += [(name, int(i)) for i in choose(counts[name], wanted, rng)]
            else:
                met += drawn([(name, i) for name in names for i in range(counts[name])], weight, rng)
        return met


def drawn(items: Sequence[Item], weight: float, rng: np.random.Generator) -> list[Item]:
    """Every item as often as the whole part of `weight`; a random share of them, the fractional part, once more."""
    whole = int(weight)
    more = round((weight - whole) * len(items))
    return [*items] * whole + [items[i] for i in sorted(rng.permutation(len(items))[:more])]


def choose(count: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """`wanted` of the numbers 0 to `count` - 1 in random order; their frequencies differ by at most one."""
    times = -(-wanted // count)
    return np.concatenate([rng.permutation(count) for _ in range(times)])[:wanted]
