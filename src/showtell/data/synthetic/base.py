"""The common part of data sets that are drawn by code.

Input: a subclass that samples a scene, draws it and describes it. Output: PNG pictures (`read`) and captions with the
splits `train` and `val` (`captions`), as from files (`showtell.data.sources.base.Pictures`). Each picture depends only
on the seed and its number, so any can be left out, and the same options always give the same bytes.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator
from functools import cached_property
from typing import Generic, Protocol, TypeVar

import numpy as np
from PIL import Image

from showtell.data.captions.caption_set import CaptionSet
from showtell.data.sources.base import RawPicture

Scene = TypeVar("Scene")
"""What a picture shows, in words."""


class DrawnOptions(Protocol):
    """How many pictures of each split, how many captions of each, and the seed of all of them."""

    @property
    def train_pictures(self) -> int: ...

    @property
    def val_pictures(self) -> int: ...

    @property
    def captions_per_picture(self) -> int: ...

    @property
    def seed(self) -> int: ...


class Drawn(ABC, Generic[Scene]):
    """A data set that is drawn by code."""

    name: str

    def __init__(self, options: DrawnOptions) -> None:
        self._counts = options

    def __str__(self) -> str:
        return self.name

    def names(self) -> list[str]:
        """Every picture's name, `train-00000.png` and so on, then `val-...`."""
        return list(self._scenes)

    def read(self, *, skip: Collection[str] = frozenset()) -> Generator[RawPicture, None, None]:
        """The pictures one by one as PNG; those named in `skip` are not drawn."""
        for number, (name, scene) in enumerate(self._scenes.items()):
            if name not in skip:
                file = io.BytesIO()
                self.draw(scene, self._rng(number, 1)).save(file, "PNG", compress_level=1)
                yield RawPicture(name, file.getvalue())

    def captions(self) -> CaptionSet:
        """The captions by picture name, with the splits `train` and `val`."""
        count = self._counts.captions_per_picture
        captions = {
            name: self.describe(scene, self._rng(number, 2), count)
            for number, (name, scene) in enumerate(self._scenes.items())
        }
        return CaptionSet(captions, {name: name.partition("-")[0] for name in captions}, str(self))

    def scene(self, name: str) -> Scene:
        """What the picture `name` shows."""
        return self._scenes[name]

    @abstractmethod
    def sample(self, number: int, *, validation: bool, rng: np.random.Generator) -> Scene:
        """The scene of picture `number` of its split."""

    @abstractmethod
    def draw(self, scene: Scene, rng: np.random.Generator) -> Image.Image:
        """A picture of a scene."""

    @abstractmethod
    def describe(self, scene: Scene, rng: np.random.Generator, count: int) -> tuple[str, ...]:
        """`count` different true sentences about a scene."""

    @abstractmethod
    def is_true(self, caption: str, name: str) -> bool:
        """Whether a caption says exactly what the picture `name` shows."""

    @cached_property
    def _scenes(self) -> dict[str, Scene]:
        train, val = self._counts.train_pictures, self._counts.val_pictures
        scenes = {f"train-{i:05}.png": self.sample(i, validation=False, rng=self._rng(i, 0)) for i in range(train)}
        for i in range(val):
            scenes[f"val-{i:05}.png"] = self.sample(i, validation=True, rng=self._rng(train + i, 0))
        return scenes

    def _rng(self, number: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._counts.seed, number, purpose])
