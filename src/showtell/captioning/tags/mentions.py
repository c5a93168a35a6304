"""Captions -> which names they mention."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from showtell.captioning.tags.names import Name
from showtell.captioning.tags.words import Phrase
from showtell.text import tokenize


class Mentions:
    """Finds every name in a caption in one pass over its words."""

    def __init__(self, names: Sequence[Name]) -> None:
        self.count = len(names)
        self._by_first: dict[str, list[tuple[Phrase, int]]] = {}
        for i, name in enumerate(names):
            for phrase in name.phrases:
                self._by_first.setdefault(phrase[0], []).append((phrase, i))

    def __call__(self, captions: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Whether any of the captions contains a name in one of its forms, `bool (N,)`."""
        mentioned = np.zeros(self.count, np.bool_)
        for caption in captions:
            words = tuple(tokenize(caption))
            for place, word in enumerate(words):
                for phrase, name in self._by_first.get(word, ()):
                    if words[place : place + len(phrase)] == phrase:
                        mentioned[name] = True
        return mentioned
