"""Guiding: if a caption lacks a tag that the model is certain of, or contradicts it, search for one that contains it.

It is constrained beam search for words that are rare or missing in the training captions (Anderson et al. 2017,
arXiv:1612.00576, whose words also came from a tagger). The tag's probability must be at least the caption's confidence,
so that good captions stay, unless the caption names another animal or vehicle of which the classifier sees much less: a
sure "bear" does not outweigh an otter. Then the new caption names no other animal or vehicle. A name that the
vocabulary lacks takes the place of a known word (see `showtell.captioning.tags.word_transfer`). Pictures without such a
tag keep their captions and cost no extra search.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from showtell.captioning.tags.mentions import Mentions
from showtell.captioning.tags.names import Name
from showtell.captioning.tags.tagger import TagScores
from showtell.captioning.tags.word_transfer import StandInDecoder, known
from showtell.captioning.tags.words import NO_ARTICLE, Phrase, plural, says, with_articles
from showtell.search import Floats, Hypothesis, SearchOptions, StepDecoder
from showtell.search.banks import banks_of
from showtell.search.beam import Beams
from showtell.search.phrases import alternatives
from showtell.text import TokenVocabulary, Vocabulary

LEAST = 0.4
"""The lowest probability of a tag that a caption must contain."""

ALONE = 0.6
"""The same if the confidence of the caption is unknown."""

OUTWEIGHS = 4.0
"""How many times the summed probability of what a caption names that of a tag must be to contradict the caption."""


@dataclass(frozen=True, slots=True)
class DecodedSentence:
    """A sentence, and its words as people read them.

    A name that the decoder never learned is one item of `words`, even if it has several words. The hypothesis has the
    word that stood in for it.

    `pieces` says how many of its entries each word has; empty if each has one. `text` is the sentence where it is not
    its words with spaces between them.
    """

    hypothesis: Hypothesis
    words: tuple[str, ...]
    guided: bool = False
    pieces: tuple[int, ...] = ()
    text: str = ""

    def sums(self, log_probs: Sequence[float]) -> list[float]:
        """The log-probability of each word from those of its entries."""
        if not self.pieces:
            return list(log_probs)
        ends = np.cumsum(self.pieces).tolist()
        return [sum(log_probs[end - count : end]) for end, count in zip(ends, self.pieces, strict=True)]


@dataclass(frozen=True, slots=True)
class _Need:
    """What a caption must contain: one of several phrases of known words or, with a `stand_in`, the one borrowed
    phrase. And what it must not contain, because that contradicts it.
    """

    phrases: tuple[Phrase, ...]
    stand_in: int | None = None
    without: tuple[str, ...] = ()

    @property
    def entry(self) -> str:
        """The borrowed phrase as an entry of a vocabulary."""
        return " ".join(self.phrases[0])


class TagGuide:
    """Makes the captions of one decoder contain tags that the model is certain of."""

    def __init__(self, decoder: StepDecoder, vocabulary: Vocabulary, names: Sequence[Name]) -> None:
        self.decoder, self.vocabulary, self.names = decoder, vocabulary, names
        self._by_name = {name.name: name for name in names}
        self._mentions = Mentions(names)
        self._excluded_by: dict[int, tuple[str, ...]] = {}
        kinds = sorted({name.kind for name in names if name.kind})
        self._of_kind = [np.array([name.kind == kind for name in names], np.bool_) for kind in kinds]

    def __call__(
        self,
        embeddings: Floats,
        scores: TagScores,
        found: Sequence[Sequence[Hypothesis]],
        confidence: Sequence[float | None],
        options: SearchOptions,
    ) -> dict[int, list[DecodedSentence]]:
        """Search again for the pictures whose best caption lacks the likeliest tag, if that tag is certain enough, or
        contradicts a tag.

        Does nothing if captions are sampled or other words must appear.

        Arguments:
            embeddings: `float32 (B, D)` or `(B, L, D)`.
            scores: what the tagger sees in the pictures.
            found: the sentences of each picture, from `showtell.search.search`.
            confidence: confidence of each picture's best sentence, if known.
            options: options of the search that found them.

        Returns:
            By the rows of those pictures, sentences that contain the name, best first.
        """
        if options.sample or options.must:
            return {}
        needs: dict[int, _Need] = {}
        for row, hypotheses in enumerate(found):
            words = decoded(hypotheses[0], self.vocabulary).words
            other = self._contradicted(words, scores.probabilities[row], scores.sums[row])
            if other is None:
                name = self._lacking(words, scores.probabilities[row], confidence[row])
            else:
                name = self.names[other]
            need = self._need(name, options) if name else None
            if need:
                needs[row] = need if other is None else replace(need, without=self._excluded(other))
        if not needs:
            return {}
        sentences: dict[int, list[DecodedSentence]] = {}
        for banned in dict.fromkeys(need.without for need in needs.values()):
            here = {row: need for row, need in needs.items() if need.without == banned}
            ruled = replace(options, must_not=(*options.must_not, *banned))
            again = self._search(embeddings[list(here)], list(here.values()), ruled)
            sentences |= zip(here, again, strict=True)
        return {row: sentences[row] for row in needs}

    def _lacking(
        self, words: Sequence[str], probabilities: npt.NDArray[np.float64], confidence: float | None
    ) -> Name | None:
        """The likeliest tag, if it is certain enough and the caption does not say it."""
        name = self.names[int(probabilities.argmax())]
        sure = probabilities.max() >= (ALONE if confidence is None else max(LEAST, confidence))
        return name if sure and not says(words, name.phrases) else None

    def _contradicted(self, words: Sequence[str], probabilities: npt.NDArray[np.float64], sums: Floats) -> int | None:
        """The number of the likeliest tag that excludes what the caption says: an animal or vehicle of which the
        classifier sees much more than of those that the caption names.
        """
        said = self._mentions([" ".join(words)])
        found: list[int] = []
        for of_kind in self._of_kind:
            named, certain = np.flatnonzero(said & of_kind).tolist(), of_kind & (probabilities >= LEAST)
            if named and certain.any():
                most = int(np.where(certain, sums, -1).argmax())
                outweighs = sums[most] >= OUTWEIGHS * sums[named].max()
                if outweighs and not any(self._related(most, i) for i in named):
                    found.append(most)
        return max(found, key=lambda i: probabilities[i], default=None)

    def _excluded(self, one: int) -> tuple[str, ...]:
        """The phrases of known words that say other names of the kind of name `one`, unless they say it as well."""
        if one not in self._excluded_by:
            own = self.names[one].phrases
            others = (
                other
                for i, other in enumerate(self.names)
                if other.kind == self.names[one].kind and not self._related(one, i)
            )
            phrases = dict.fromkeys(phrase for other in others for phrase in other.phrases)
            fitting = (p for p in phrases if self._knows(p) and not any(says(mine, [p]) for mine in own))
            self._excluded_by[one] = tuple(map(" ".join, fitting))
        return self._excluded_by[one]

    def _related(self, one: int, other: int) -> bool:
        """Whether the names are the same, or one is within the other."""
        return self._within(one, self.names[other].name) or self._within(other, self.names[one].name)

    def _within(self, inner: int, outer: str) -> bool:
        name: Name | None = self.names[inner]
        while name and name.name != outer:
            name = self._by_name.get(name.within)
        return name is not None

    def _need(self, name: Name, options: SearchOptions) -> _Need | None:
        """How a caption may say a name; None if the model has neither a word for it nor one that stands in for it."""
        own = name.say or ((name.phrase, plural(name.phrase)) if len(name.phrase) == 1 else (name.phrase,))
        phrases = tuple(phrase for phrase in own if self._knows(phrase))
        stand_in = None if phrases else self._stand_in(name)
        if stand_in is not None:
            phrases = (name.phrase,)
        banned = [tuple(words) for entry in options.must_not for words in alternatives(entry)]
        room = options.max_length if stand_in is None else None
        phrases = tuple(p for p in phrases if not says(p, banned) and (room is None or len(p) <= room))
        return _Need(phrases, stand_in) if phrases else None

    def _knows(self, phrase: Phrase) -> bool:
        return all(word in self.vocabulary.ids for word in phrase)

    def _stand_in(self, name: Name) -> int | None:
        """The nearest known word that is used in a sentence like the name, from the name's own list or from an outer
        name's.
        """
        wider = self._by_name.get(name.within)
        for phrase in (*name.like, *((wider.phrase, *wider.like) if wider else ())):
            if len(phrase) == 1 and self._knows(phrase):
                return self.vocabulary.ids[phrase[0]]
        return None

    def _search(
        self, embeddings: Floats, needs: Sequence[_Need], options: SearchOptions
    ) -> list[list[DecodedSentence]]:
        borrowed = {need.entry: need.stand_in for need in needs if need.stand_in is not None}
        wider = Vocabulary((*self.vocabulary.entries, *borrowed))
        stand_ins = np.array(list(borrowed.values()), np.int64)
        allowed = np.array([[need.entry == entry for entry in borrowed] for need in needs], np.bool_)
        required = [
            (((wider.ids[need.entry],),) if need.stand_in is not None else self._ids(need.phrases),) for need in needs
        ]
        uncounted = {" ".join(phrase) for need in needs for phrase in need.phrases} & NO_ARTICLE
        no_articles = (f"{article} {noun}" for noun in sorted(uncounted) for article in ("a", "an"))
        grammatical = replace(options, must_not=(*options.must_not, *no_articles))
        sentences: dict[int, list[DecodedSentence]] = {}
        for pictures, banks in banks_of(required, wider, options.beam):
            assert banks is not None  # every caption lacks at least one word
            decoder = StandInDecoder(self.decoder, len(self.vocabulary), stand_ins, allowed[pictures])
            found = Beams(decoder, embeddings[pictures], wider, grammatical, banks).run()
            for picture, hypotheses in zip(pictures.tolist(), found, strict=True):
                sentences[picture] = [self._read(hypothesis, wider, stand_ins) for hypothesis in hypotheses]
        return [sentences[picture] for picture in range(len(needs))]

    def _ids(self, phrases: Sequence[Phrase]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(self.vocabulary.ids[word] for word in phrase) for phrase in phrases)

    def _read(self, hypothesis: Hypothesis, wider: Vocabulary, stand_ins: npt.NDArray[np.int64]) -> DecodedSentence:
        """A sentence over the wider vocabulary as one over the decoder's own, and its words."""
        words = with_articles([wider.entries[token] for token in hypothesis.tokens])
        tokens = known(np.array(hypothesis.tokens, np.int64), len(self.vocabulary), stand_ins)
        own = Hypothesis(tuple(tokens.tolist()), hypothesis.log_probs, hypothesis.score)
        return DecodedSentence(own, tuple(words), guided=True)


def decoded(hypothesis: Hypothesis, vocabulary: TokenVocabulary) -> DecodedSentence:
    """A hypothesis of the search with its words."""
    found = vocabulary.words(hypothesis.tokens)
    words, text = tuple(word for word, _ in found), vocabulary.decode(hypothesis.tokens)
    if vocabulary.continues is None:  # all words have one entry, but not all languages have spaces between words
        return DecodedSentence(hypothesis, words, text="" if text == " ".join(words) else text)
    return DecodedSentence(hypothesis, words, pieces=tuple(count for _, count in found), text=text)
