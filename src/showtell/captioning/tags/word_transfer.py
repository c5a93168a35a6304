"""A decoder that says words which it never learnt, in the places of words that it knows.

A model that never saw a zebra has no word for one, but knows where in a sentence a horse goes. A borrowed word has the
logit of the known word that stands in for it and is read back as that word, so that any search may choose it: the
sentence around a zebra is the one that the model would say around a horse. No word directly follows itself: a decoder
that is led to an unwonted word stammers before it (a hot hot air balloon). Hendricks et al. 2016 (arXiv:1511.05284,
section 3.3) transfer a decoder's weights from word to word in this way; here nothing is changed in the decoder.
"""

import numpy as np
import numpy.typing as npt

from showtell.search import Floats, State, StepDecoder
from showtell.search.steps import Ints

_ALLOWED = "borrowed words that are allowed"


class StandInDecoder:
    """A `StepDecoder` over V known entries and E borrowed ones, whose ids come after theirs."""

    def __init__(self, decoder: StepDecoder, entries: int, stand_ins: Ints, allowed: npt.NDArray[np.bool_]) -> None:
        """Wrap a decoder for some pictures.

        Arguments:
            decoder: over V entries.
            entries: V.
            stand_ins: `int64 (E,)`, the known entry that stands in for each borrowed one.
            allowed: `bool (B, E)`, which ones each picture's sentence may have, in the order of the embeddings.
        """
        self.decoder, self.entries = decoder, entries
        self.stand_ins, self.allowed = stand_ins, allowed

    def start(self, embeddings: Floats) -> tuple[State, State]:
        """See `showtell.search.StepDecoder`."""
        constants, state = self.decoder.start(embeddings)
        return constants | {_ALLOWED: self.allowed}, state

    def step(self, tokens: Ints, constants: State, state: State) -> tuple[Floats, State]:
        """See `showtell.search.StepDecoder`."""
        own = {name: array for name, array in constants.items() if name != _ALLOWED}
        logits, after = self.decoder.step(known(tokens, self.entries, self.stand_ins), own, state)
        borrowed = np.where(constants[_ALLOWED], logits[:, self.stand_ins], np.float32(-np.inf))
        wider = np.concatenate([logits, borrowed], axis=1)
        wider[np.arange(len(tokens)), tokens] = -np.inf
        return wider, after


def known(tokens: Ints, entries: int, stand_ins: Ints) -> Ints:
    """Token ids with every borrowed one, `entries` and above, replaced by what stands in for it."""
    if not len(stand_ins):
        return tokens
    return np.where(tokens < entries, tokens, stand_ins[np.maximum(tokens - entries, 0)])
