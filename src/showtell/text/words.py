"""Sentences -> tokens -> ids, and back.

The rules are those of the course notebook that Showtell grew from: lower case, split on runs of non-word characters,
rare words become `#UNK#`, indices follow the sorted order of all entries including the four specials.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from showtell.errors import InputError
from showtell.text.pieces import split_word, subwords_of
from showtell.text.rules import CONTINUES, WORDS, TokenRules

PAD, UNK, START, END = "#PAD#", "#UNK#", "#START#", "#END#"
SPECIALS = (PAD, UNK, START, END)

_SUBWORDS_OF_A_WORD = 4  # at most, on average over a sentence
_NON_WORD = re.compile(r"\W+")


def tokenize(sentence: str) -> list[str]:
    """Lower-case words of a sentence: split on runs of non-word characters (`\\W+`), empty pieces dropped."""
    return [piece for piece in _NON_WORD.split(sentence.lower()) if piece]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """An ordered, immutable list of entries with their ids; `entries[id]` is the word.

    `rules` say how text is split into words, characters or subwords. The specials are sorted among the words; before
    words of letters and digits that makes `#END#`=0, `#PAD#`=1, `#START#`=2, `#UNK#`=3.
    """

    entries: tuple[str, ...]
    rules: TokenRules = WORDS
    ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {word: i for i, word in enumerate(self.entries)})
        if len(self.ids) != len(self.entries):
            raise InputError("a vocabulary holds an entry twice")
        if missing := [special for special in SPECIALS if special not in self.ids]:
            raise InputError(f"a vocabulary lacks its special entries {', '.join(missing)}")

    @classmethod
    def build(
        cls, captions: Iterable[str], min_count: int = 5, rules: TokenRules = WORDS, subwords: int = 4000
    ) -> "Vocabulary":
        """Every token that occurs at least `min_count` times in `captions`, plus the specials, in sorted order.

        Arguments:
            captions: the training captions.
            min_count: the fewest times; of subwords, those of a pair that is joined.
            rules: how they are split.
            subwords: the most subwords, if the rules want them.

        Raises:
            InputError: no token is frequent enough.
            MissingExtra: subwords need the package tokenizers.
        """
        counts: Counter[str] = Counter()
        for caption in captions:
            counts.update(rules.tokens(caption))
        if rules.tokenizer == "subwords" and counts:
            return cls(tuple(sorted({*subwords_of(counts, subwords, min_count), *SPECIALS})), rules)
        words = [word for word, count in counts.items() if count >= min_count]
        if not words:
            raise InputError(
                f"no word occurs {min_count} times in the training captions ({len(counts)} different words): "
                "give more captions or lower the vocabulary's min_count"
            )
        return cls(tuple(sorted([*words, *SPECIALS])), rules)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def pad(self) -> int:
        return self.ids[PAD]

    @property
    def unk(self) -> int:
        return self.ids[UNK]

    @property
    def start(self) -> int:
        return self.ids[START]

    @property
    def end(self) -> int:
        return self.ids[END]

    @property
    def excluded(self) -> tuple[int, ...]:
        """Entries that a search never writes."""
        return self.pad, self.start, self.unk

    @property
    def renormalizes(self) -> bool:
        """Whether probabilities leave out the excluded entries: here they do."""
        return True

    @property
    def forced(self) -> tuple[int, ...]:
        """Entries that follow START in every sentence: none."""
        return ()

    @property
    def continues(self) -> npt.NDArray[np.bool_] | None:
        """Which entries continue the word before them, `(V,)`; None unless they are subwords."""
        if self.rules.tokenizer != "subwords":
            return None
        return np.array([entry.startswith(CONTINUES) for entry in self.entries])

    def steps(self, max_length: int) -> int:
        """The most entries of a sentence of `max_length` words."""
        return max_length if self.rules.tokenizer != "subwords" else _SUBWORDS_OF_A_WORD * max_length

    def phrases(self, words: Sequence[str], *, anywhere: bool) -> tuple[tuple[int, ...], ...]:
        """The ways to write some lower-case words; none if a word is unknown.

        There is one way, or, where case is kept, one for each usual case.
        """
        text = " ".join(words)
        variants = (text, text.capitalize(), text.title()) if self.rules.case == "keep" else (text,)
        written = (tuple(self.ids.get(token, -1) for token in self.tokens(variant)) for variant in variants)
        return tuple(dict.fromkeys(ids for ids in written if ids and -1 not in ids))

    def writes(self, word: str) -> bool:
        """Whether the vocabulary can write a lower-case word."""
        return bool(self.phrases([word], anywhere=True))

    def spaced(self, text: str) -> str:
        """A text for metrics, which split at spaces: see `TokenRules.spaced`."""
        return self.rules.spaced(text)

    def prompt(self, text: str) -> tuple[int, ...]:
        """The entries of the beginning of a sentence.

        Raises:
            InputError: a word is unknown; the message names similar ones.
        """
        words = self.tokens(text)
        if text and not words:
            raise InputError(f"{text!r} has no words to begin a sentence with")
        if unknown := [word for word in words if word not in self.ids]:
            raise InputError(f"no sentence can begin with {text!r}: {self.unknown_words(unknown)}")
        return tuple(self.ids[word] for word in words)

    def unknown_words(self, words: Sequence[str]) -> str:
        """What to tell about words that the vocabulary lacks, with similar words that it has."""
        known = sorted(set(self.entries) - set(SPECIALS))
        near = dict.fromkeys(other for word in words for other in get_close_matches(word, known, n=3))
        hint = f"similar words that it knows are {', '.join(near)}" if near else "it knows no similar word"
        return f"the model does not know the word {' nor '.join(map(repr, dict.fromkeys(words)))}: {hint}"

    def encode(self, caption: str) -> list[int]:
        """Ids of a caption: START, its tokens (UNK where unknown), END."""
        unknown = self.unk
        return [self.start, *(self.ids.get(token, unknown) for token in self.tokens(caption)), self.end]

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        tokens = self.rules.tokens(text)
        if self.rules.tokenizer != "subwords":
            return tokens
        return [piece for word in tokens for piece in split_word(word, self.ids)]

    def words(self, ids: Sequence[int]) -> list[tuple[str, int]]:
        """The words of a sentence, and how many entries each has: subwords are put together."""
        found: list[tuple[str, int]] = []
        for i in ids:
            part = self.entries[i].removeprefix(CONTINUES) if self.rules.tokenizer == "subwords" else self.entries[i]
            if found and part != self.entries[i]:
                found[-1] = found[-1][0] + part, found[-1][1] + 1
            else:
                found.append((part, 1))
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of `ids` up to END, words joined by spaces; START and PAD are left out."""
        words = []
        for i in ids:
            if i == self.end:
                break
            if i not in (self.start, self.pad):
                words.append(self.entries[i])
        return self.rules.join(words)


def pad_batch(rows: Sequence[Sequence[int]], pad: int, max_length: int | None = None) -> npt.NDArray[np.int64]:
    """Rows of ids as one matrix `int64 (B, T)`, padded with `pad` to the longest row, cut to `max_length` columns.

    The rows themselves are not changed.
    """
    width = max((len(row) for row in rows), default=0)
    if max_length is not None:
        width = min(width, max_length)
    matrix = np.full((len(rows), width), pad, dtype=np.int64)
    for i, row in enumerate(rows):
        kept = row[:width]
        matrix[i, : len(kept)] = kept
    return matrix
