"""Guiding: if a caption lacks the likeliest tag and the model is certain of it, search for a caption that contains it.

It is constrained beam search for words that are rare or missing in the training captions (Anderson et al. 2017,
arXiv:1612.00576, whose words also came from a tagger). The tag's probability must be at least the caption's confidence,
so that good captions stay. A name that the vocabulary lacks takes the place of a known word (see
`showtell.captioning.tags.word_transfer`). Pictures without such a tag keep their captions and cost no extra search.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from showtell.captioning.tags.names import Name
from showtell.captioning.tags.word_transfer import StandInDecoder, known
from showtell.captioning.tags.words import NO_ARTICLE, Phrase, plural, says, with_articles
from showtell.search import Floats, Hypothesis, SearchOptions, StepDecoder
from showtell.search.banks import banks_of
from showtell.search.beam import Beams
from showtell.search.phrases import alternatives
from showtell.text import Vocabulary

LEAST = 0.4
"""The lowest probability of a tag that a caption must contain."""

ALONE = 0.6
"""The same if the confidence of the caption is unknown."""


@dataclass(frozen=True, slots=True)
class DecodedSentence:
    """A sentence, and its words as people read them.

    A name that the decoder never learned is one item of `words`, even if it has several words. The hypothesis has the
    word that stood in for it.
    """

    hypothesis: Hypothesis
    words: tuple[str, ...]
    guided: bool = False


@dataclass(frozen=True, slots=True)
class _Need:
    """What a caption must contain: one of several phrases of known words or, with a `stand_in`, the one borrowed
    phrase.
    """

    phrases: tuple[Phrase, ...]
    stand_in: int | None = None

    @property
    def entry(self) -> str:
        """The borrowed phrase as an entry of a vocabulary."""
        return " ".join(self.phrases[0])


class TagGuide:
    """Makes the captions of one decoder contain tags that the model is certain of."""

    def __init__(self, decoder: StepDecoder, vocabulary: Vocabulary, names: Sequence[Name]) -> None:
        self.decoder, self.vocabulary, self.names = decoder, vocabulary, names
        self._by_name = {name.name: name for name in names}

    def __call__(
        self,
        embeddings: Floats,
        probabilities: npt.NDArray[np.float64],
        found: Sequence[Sequence[Hypothesis]],
        confidence: Sequence[float | None],
        options: SearchOptions,
    ) -> dict[int, list[DecodedSentence]]:
        """Search again for the pictures whose best caption lacks the likeliest tag, if that tag is certain enough.

        Does nothing if captions are sampled or other words must appear.

        Arguments:
            embeddings: `float32 (B, D)` or `(B, L, D)`.
            probabilities: probability of every name, `float64 (B, N)`.
            found: the sentences of each picture, from `showtell.search.search`.
            confidence: confidence of each picture's best sentence, if known.
            options: options of the search that found them.

        Returns:
            By the rows of those pictures, sentences that contain the name, best first.
        """
        if options.sample or options.must:
            return {}
        needs: dict[int, _Need] = {}
        for row, of_names in enumerate(probabilities):
            name, good = self.names[int(of_names.argmax())], confidence[row]
            sure = of_names.max() >= (ALONE if good is None else max(LEAST, good))
            if sure and not says(decoded(found[row][0], self.vocabulary).words, name.phrases):
                need = self._need(name, options)
                if need:
                    needs[row] = need
        if not needs:
            return {}
        again = self._search(embeddings[list(needs)], list(needs.values()), options)
        return dict(zip(needs, again, strict=True))

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


def decoded(hypothesis: Hypothesis, vocabulary: Vocabulary) -> DecodedSentence:
    """A hypothesis of the search with its words."""
    return DecodedSentence(hypothesis, tuple(vocabulary.entries[token] for token in hypothesis.tokens))
