"""What searching and captioning ask of a vocabulary, whether its entries are words or pieces of words."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Phrase = tuple[int, ...]
"""The ids that write a phrase, at least one."""


class TokenVocabulary(Protocol):
    """Entries with their ids, START and END among them.

    `excluded` entries are never written. If the vocabulary `renormalizes`, probabilities are those over the other
    entries (and over those without END at the first word); otherwise excluded entries keep their share.
    `forced` entries follow START and are no words.
    """

    @property
    def pad(self) -> int:
        """An entry that fills rows, never written."""
        ...

    @property
    def unk(self) -> int:
        """The entry for what is unknown; -1 if there is none."""
        ...

    @property
    def start(self) -> int:
        """The entry before a sentence."""
        ...

    @property
    def end(self) -> int:
        """The entry after a sentence."""
        ...

    @property
    def excluded(self) -> tuple[int, ...]:
        """Entries that are never written."""
        ...

    @property
    def renormalizes(self) -> bool:
        """Whether probabilities leave out the excluded entries."""
        ...

    @property
    def forced(self) -> tuple[int, ...]:
        """Entries that follow START in every sentence."""
        ...

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries by id."""
        ...

    @property
    def continues(self) -> npt.NDArray[np.bool_] | None:
        """Which entries would continue the word before them, `(V,)`; None if every entry is a word."""
        ...

    def __len__(self) -> int: ...

    def steps(self, max_length: int) -> int:
        """The most entries of a sentence of `max_length` words."""
        ...

    def encode(self, caption: str) -> list[int]:
        """START, the entries of a caption, END."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` up to END."""
        ...

    def spaced(self, text: str) -> str:
        """A text for metrics, which split at spaces: with spaces between its words, or its characters."""
        ...

    def words(self, ids: Sequence[int]) -> list[tuple[str, int]]:
        """The words of a sentence, and how many of its entries each has."""
        ...

    def phrases(self, words: Sequence[str], *, anywhere: bool) -> tuple[Phrase, ...]:
        """The ways to write some lower-case words; none if that is not possible."""
        ...

    def prompt(self, text: str) -> Phrase:
        """The entries of the beginning of a sentence; empty for an empty text.

        Raises:
            InputError: a word is unknown.
        """
        ...
