"""Decoder states -> sentences: greedy, sampled, and beam search, in NumPy, one implementation for every decoder.

A decoder is anything with `start` and `step` (see `StepDecoder`): an exported graph in ONNX Runtime, or a model in
training. The search never produces PAD, START or UNK, and a sentence has at least one word. Probabilities are the
decoder's over all other entries.

`beam` is beam search over groups of beams (`beam_groups`): one group, several diverse ones (`diverse`), or a bank of
beams for each number of words still required (`banks`, with `automaton`). `sampling` is greedy search and sampling.
"""

from collections.abc import Sequence
from dataclasses import replace

from showtell.search.banks import banks_of, requirements
from showtell.search.beam import Beams
from showtell.search.beam_groups import SingleGroup
from showtell.search.diverse import DiverseGroups
from showtell.search.options import Hypothesis, SearchOptions
from showtell.search.rules import rules_of
from showtell.search.sampling import sample, temper, truncate
from showtell.search.steps import Floats, State, StepDecoder
from showtell.text import TokenVocabulary

__all__ = [
    "Floats",
    "Hypothesis",
    "SearchOptions",
    "State",
    "StepDecoder",
    "check_words",
    "search",
    "temper",
    "truncate",
]


def search(
    decoder: StepDecoder,
    embeddings: Floats,
    vocabulary: TokenVocabulary,
    options: SearchOptions,
    *,
    first: int | Sequence[int] = 0,
    must: Sequence[Sequence[str]] | None = None,
    calibration_temperature: float | None = None,
) -> list[list[Hypothesis]]:
    """Find up to `options.num_captions` sentences, at least one, for each embedding, best first.

    Arguments:
        decoder: gives the next word's logits.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        vocabulary: the decoder's, `V` entries.
        options: the method and its settings.
        first: position of the first embedding in the whole run, or the position of each; it seeds sampling.
        must: for each embedding, entries that must appear besides `options.must`, in the same notation.
        calibration_temperature: also record log-probabilities at this temperature, see `Hypothesis`; it changes no
            sentence.

    Raises:
        InputError: a word that must appear is unknown or banned, or there are too many; the message names similar
            words.
    """
    if not len(embeddings):
        return []
    if not options.must and must is None:
        return _free(decoder, embeddings, vocabulary, options, first, calibration_temperature)
    wanted = [replace(options, must=(*options.must, *further)) for further in must or [()] * len(embeddings)]
    required = [requirements(one, vocabulary) for one in wanted]
    found: dict[int, list[Hypothesis]] = {}
    for pictures, banks in banks_of(required, vocabulary, options.beam):
        some = embeddings[pictures]
        if banks:
            sentences = Beams(decoder, some, vocabulary, options, banks, calibration_temperature).run()
        else:
            sentences = _free(decoder, some, vocabulary, options, first, calibration_temperature)
        found |= dict(zip(pictures.tolist(), sentences, strict=True))
    return [found[picture] for picture in range(len(embeddings))]


def check_words(options: SearchOptions, vocabulary: TokenVocabulary) -> None:
    """Raise the errors of `search` about `must` and `must_not`, before a search starts."""
    requirements(options, vocabulary)
    rules_of(options, vocabulary)


def _free(
    decoder: StepDecoder,
    embeddings: Floats,
    vocabulary: TokenVocabulary,
    options: SearchOptions,
    first: int | Sequence[int],
    calibration_temperature: float | None,
) -> list[list[Hypothesis]]:
    """Search without words that must appear."""
    if options.sample or options.beam == 1:
        return sample(decoder, embeddings, vocabulary, options, first, calibration_temperature)
    groups, width = options.beam_groups, options.beam // options.beam_groups
    competing = SingleGroup(width) if groups == 1 else DiverseGroups(groups, width, options.diversity, vocabulary.end)
    return Beams(decoder, embeddings, vocabulary, options, competing, calibration_temperature).run()
