"""Captions, and the training captions they may have been copied from -> which ones were, to the word or but for one.

Two captions differ in a single word where one word of either was replaced, left out or added. Captions are compared as
the model learns them: lower-case words without punctuation (`showtell.text.tokenize`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Words: TypeAlias = tuple[str, ...]
_Pattern: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class TrainingCaption:
    """A training caption that a caption equals, or nearly: `edits` is 0, or 1 where they differ in a single word.

    `text` is its words, `picture` the first training picture that has it, `times` how often it occurs in training.
    """

    text: str
    picture: str
    edits: int
    times: int


def find_copies(captions: Sequence[Words], training: Iterable[tuple[str, Words]]) -> list[TrainingCaption | None]:
    """For each caption the training caption it equals, else the first that differs in a single word, else None.

    Arguments:
        captions: the words of each caption.
        training: name of the picture and words of every training caption; gone through once, nothing of it is kept but
            what is found.
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
    """The caption with a blank in place of one word; two captions that share one differ in that word at most."""
    for i in range(len(words)):
        yield (*words[:i], None, *words[i + 1 :])


def _shortened(words: Words) -> Iterator[Words]:
    for i in range(len(words)):
        yield (*words[:i], *words[i + 1 :])
