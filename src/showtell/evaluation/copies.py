"""Captions and training captions -> which captions are copies, exactly or except for one word.

Two captions differ in one word if replacing, removing or adding a single word makes them equal. They are compared as
the model sees them: lower-case words without punctuation (`showtell.text.tokenize`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Words: TypeAlias = tuple[str, ...]
_Pattern: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class TrainingCaption:
    """A training caption that a caption equals (`edits` 0) or differs from in one word (`edits` 1).

    `text` is its words, `picture` the first training picture that has it, `times` its number of occurrences.
    """

    text: str
    picture: str
    edits: int
    times: int


def find_copies(captions: Sequence[Words], training: Iterable[tuple[str, Words]]) -> list[TrainingCaption | None]:
    """For each caption the training caption that it equals, else the first that differs in one word, else None.

    Arguments:
        captions: the words of each caption.
        training: picture name and words of every training caption; read once, and only matches are held in memory.
    """
    near: defaultdict[_Pattern, list[int]] = defaultdict(list)
    same: defaultdict[Words, list[int]] = defaultdict(list)
    for i, words in enumerate(captions):
        same[words].append(i)
        for pattern in {*_replaced(words), *_shortened(words)}:
            near[pattern].append(i)
    times: Counter[Words] = Counter()
    found: dict[int, tuple[int, Words, str]] = {}
    for picture, words in training:
        hits = [(0, same.get(words, ())), (1, near.get(words, ()))]  # of these, `words` is one word short
        hits += [(1, near.get(pattern, ())) for pattern in _replaced(words)]
        hits += [(1, same.get(shorter, ())) for shorter in _shortened(words)]
        for edits, indices in hits:
            for i in indices:
                if i not in found or edits < found[i][0]:
                    found[i] = (edits, words, picture)
        if any(indices for _, indices in hits):
            times[words] += 1
    return [_described(found.get(i), times) for i in range(len(captions))]


def _described(found: tuple[int, Words, str] | None, times: Counter[Words]) -> TrainingCaption | None:
    if found is None:
        return None
    edits, words, picture = found
    return TrainingCaption(" ".join(words), picture, edits, times[words])


def _replaced(words: Words) -> Iterator[_Pattern]:
    """The caption with each word blanked in turn. Two captions that share a pattern differ in at most that word."""
    for i in range(len(words)):
        yield (*words[:i], None, *words[i + 1 :])


def _shortened(words: Words) -> Iterator[Words]:
    for i in range(len(words)):
        yield (*words[:i], *words[i + 1 :])
