"""The captions of a data set -> their number, lengths and vocabulary, and the share of unknown words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from showtell.data_check.spread import NumberSummary
from showtell.text import SPECIALS, TokenRules
from showtell.text.rules import WORDS


@dataclass(frozen=True, slots=True)
class CaptionFacts:
    """Facts about captions, in words as the vocabulary splits them.

    `wordless` are pictures with a caption that has no word (`...`). `repeated` counts captions with the same words as
    another of the same picture, `cut` those that are longer than training takes, `different` those of the training
    pictures that differ in their words. `vocabulary` counts entries, including the four specials; it is 0 if no word is
    frequent enough. The shares of unknown words, from 0 to 1, are of all words of the split's captions.
    """

    captions: int
    per_picture: NumberSummary
    length: NumberSummary
    longest: tuple[str, str]
    wordless: tuple[str, ...]
    repeated: int
    cut: int
    different_words: int
    different: int
    vocabulary: int
    unknown_train: float
    unknown_validation: float


def look_at_captions(
    captions: Mapping[str, Sequence[str]],
    train: Iterable[str],
    validation: Iterable[str],
    *,
    min_count: int = 5,
    max_length: int = 22,
    rules: TokenRules = WORDS,
) -> CaptionFacts:
    """Count the captions of the two splits.

    Arguments:
        captions: by picture name.
        train, validation: the pictures of each split.
        min_count: how often a word must occur in the training captions to enter the vocabulary.
        max_length: ids of a caption that training uses, START and END included.
        rules: how captions are split; of subwords, words are counted.
    """
    lengths, per_picture, wordless, repeated = [], [], [], 0
    longest = ("", "", -1)
    different: set[tuple[str, ...]] = set()
    counts = {"train": Counter[str](), "validation": Counter[str]()}
    for split, names in (("train", train), ("validation", validation)):
        for name in names:
            tokenized = [rules.tokens(caption) for caption in captions[name]]
            per_picture.append(len(tokenized))
            repeated += len(tokenized) - len({tuple(words) for words in tokenized})
            different |= {tuple(words) for words in tokenized if split == "train"}
            wordless += [name for words in tokenized if not words]
            for caption, words in zip(captions[name], tokenized, strict=True):
                lengths.append(len(words))
                counts[split].update(words)
                if len(words) > longest[2]:
                    longest = (name, caption, len(words))
    known = frozenset(word for word, count in counts["train"].items() if count >= min_count)
    return CaptionFacts(
        captions=len(lengths),
        per_picture=NumberSummary.of(per_picture),
        length=NumberSummary.of(lengths),
        longest=longest[:2],
        wordless=tuple(wordless),
        repeated=repeated,
        cut=sum(length + 2 > max_length for length in lengths),
        different_words=len(counts["train"]),
        different=len(different),
        vocabulary=len(known) + len(SPECIALS) if known else 0,
        unknown_train=_unknown(counts["train"], known),
        unknown_validation=_unknown(counts["validation"], known),
    )


def _unknown(counts: Counter[str], known: frozenset[str]) -> float:
    total = counts.total()
    return sum(count for word, count in counts.items() if word not in known) / total if total else 0.0
