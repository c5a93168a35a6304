"""Decoder states -> sentences: greedy, sampled, and beam search, in NumPy, one implementation for every decoder.

A decoder is anything with `start` and `step` (see `StepDecoder`): an exported graph in ONNX Runtime, or a model that
is being trained. PAD, START and UNK are never produced and a sentence has at least one word; probabilities are those of
the decoder over all other entries.
"""

from showtell.search.beam import Beams
from showtell.search.diverse import Groups
from showtell.search.lanes import OneLane
from showtell.search.options import Hypothesis, SearchOptions
from showtell.search.sampling import sample, temper, truncate
from showtell.search.steps import Floats, State, StepDecoder
from showtell.text import Vocabulary

__all__ = ["Floats", "Hypothesis", "SearchOptions", "State", "StepDecoder", "search", "temper", "truncate"]


def search(
    decoder: StepDecoder, embeddings: Floats, vocabulary: Vocabulary, options: SearchOptions, *, first: int = 0
) -> list[list[Hypothesis]]:
    """Find `options.num_captions` sentences for each embedding, best first.

    Arguments:
        decoder: what gives the next word's logits.
        embeddings: `float32 (B, D)` or `(B, L, D)`.
        vocabulary: the decoder's, `V` entries.
        options: the method and its settings.
        first: place of the first embedding in the whole run, which seeds sampling.
    """
    if not len(embeddings):
        return []
    if options.sample or options.beam == 1:
        return sample(decoder, embeddings, vocabulary, options, first)
    groups, width = options.beam_groups, options.beam // options.beam_groups
    lanes = OneLane(width) if groups == 1 else Groups(groups, width, options.diversity, vocabulary.end)
    return Beams(decoder, embeddings, vocabulary, options, lanes).run()
