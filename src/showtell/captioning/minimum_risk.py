"""Careful captions (`careful=True`): they contain only what many sampled captions agree on.

Captions are sampled from the decoder. The share of them that contains a word estimates how probable the word is, and
tags do the same for objects. The candidates are the caption of the search, the sampled ones, and beginnings of all of
these. The candidate with the largest gain is chosen, where each word gains its share minus `TOLERANCE`. So a doubtful
word costs more than it gains, and the less sure the decoder is, the shorter the caption. This is minimum-risk decoding
(Kumar and Byrne 2004); agreement of samples as a sign of truth is from Manakul et al. 2023, arXiv:2303.08896.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from showtell.captioning.objects import objects_of
from showtell.captioning.tags.guide import DecodedSentence, decoded
from showtell.captioning.tags.names import Name
from showtell.search import Floats, Hypothesis, SearchOptions, StepDecoder, search
from showtell.text import TokenVocabulary

DRAWS = 16
"""Captions sampled for each picture."""
TEMPERATURE = 0.7
"""Temperature of sampling. At 1, decoders that were trained with label smoothing sample unlikely words too often."""
TOLERANCE = 0.64
"""The share of the sampled captions that must contain a word for it to be worth saying."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EMPTY = _words(
    "a an the is are of in on at with and to his her its their by from for that while as it there this be being been "
    "has have some up down off out into over near next through"
)
_BEFORE = _words(
    "in on at with and near next while by from through over under to that as along across behind beside down up into "
    "during for around outside inside of is are"
)
"""Words before which a caption may end; it may also end before a form in -ing."""
_NEVER_LAST = _words("a an the is are of and his her their its to two three several some very")


class MinimumRiskSelection:
    """Chooses careful captions from one decoder."""

    def __init__(self, decoder: StepDecoder, vocabulary: TokenVocabulary, names: Sequence[Name] = ()) -> None:
        self.decoder, self.vocabulary, self.names = decoder, vocabulary, names

    @cached_property
    def _object_of(self) -> dict[str, str]:
        """The object of every name of a tag: read when the first careful caption is chosen, as it takes 10 ms."""
        return {name.name: next(iter(objects_of(name.name)), "") for name in self.names}

    def __call__(
        self,
        embeddings: Floats,
        sentences: Sequence[Sequence[DecodedSentence]],
        probabilities: npt.NDArray[np.float64] | None,
        options: SearchOptions,
    ) -> dict[int, list[DecodedSentence]]:
        """The careful sentence of every picture, by its row.

        Arguments:
            embeddings: `float32 (B, D)` or `(B, L, D)`.
            sentences: the sentences found for each picture, best first.
            probabilities: probabilities of the names of tags, `(B, names)`, if the model has tags.
            options: options of the search; sampled captions obey its rules.
        """
        drawing = replace(options, sample=True, num_captions=DRAWS, temperature=TEMPERATURE, must=(), diversity=0.0)
        # One seed for all pictures, so that a caption does not depend on the pictures before it.
        drawn = search(self.decoder, embeddings, self.vocabulary, drawing, first=[0] * len(embeddings))
        chosen = {}
        for row, (found, draws) in enumerate(zip(sentences, drawn, strict=True)):
            sampled = [decoded(one, self.vocabulary) for one in draws]
            tags = self._sure(probabilities[row]) if probabilities is not None else {}
            best = most_supported(found[:1], sampled, tags)
            if best.pieces:  # a beginning of a sentence has a text of its own
                best = replace(best, text=self.vocabulary.decode(best.hypothesis.tokens))
            chosen[row] = [best]
        return chosen

    def _sure(self, probabilities: npt.NDArray[np.float64]) -> dict[str, float]:
        """The probability of each object that a tag names."""
        sure: dict[str, float] = {}
        for name, probability in zip(self.names, probabilities.tolist(), strict=True):
            kind = self._object_of[name.name]
            sure[kind] = max(sure.get(kind, 0.0), probability)
        return sure


def most_supported(
    found: Sequence[DecodedSentence],
    drawn: Sequence[DecodedSentence],
    tags: Mapping[str, float],
    tolerance: float = TOLERANCE,
) -> DecodedSentence:
    """The sentence, or beginning of one, with the largest gain.

    Arguments:
        found: sentences from the search.
        drawn: sampled captions of the same picture.
        tags: the probability of each object that a tag names.
        tolerance: what each word costs.
    """
    count = len(drawn)
    words: dict[str, float] = {}
    objects: dict[str, float] = {}
    for sentence in drawn:
        for word in set(sentence.words):
            words[word] = words.get(word, 0.0) + 1 / count
        for name in objects_of(" ".join(sentence.words)):
            objects[name] = objects.get(name, 0.0) + 1 / count
    for name, probability in tags.items():
        objects[name] = max(objects.get(name, 0.0), probability)

    def gain(sentence: DecodedSentence) -> tuple[float, float]:
        named = sorted(objects_of(" ".join(sentence.words)))  # in one order: sums of floats depend on it
        said = [word for word in dict.fromkeys(sentence.words) if word not in _EMPTY and not objects_of(word)]
        shares = [objects.get(name, 0.0) for name in named] + [words.get(word, 0.0) for word in said]
        return sum(share - tolerance for share in shares), -len(sentence.words)

    candidates = {one.words: one for whole in (*found, *drawn) for one in _beginnings(whole)}
    return max(candidates.values(), key=gain)


def _beginnings(sentence: DecodedSentence) -> Iterator[DecodedSentence]:
    """The sentence, and its beginnings that end before the start of another phrase and name an object."""
    yield sentence
    words = sentence.words
    for length in range(2, len(words)):
        ends = words[length] in _BEFORE or words[length].endswith("ing")
        if ends and words[length - 1] not in _NEVER_LAST and objects_of(" ".join(words[:length])):
            pieces = sentence.pieces[:length]
            kept = sum(pieces) if pieces else length
            log_probs = sentence.hypothesis.log_probs[:kept]
            cut = Hypothesis(sentence.hypothesis.tokens[:kept], log_probs, sum(log_probs) / kept)
            yield DecodedSentence(cut, words[:length], sentence.guided, pieces)
