"""A decoder that says words that it never learned, in place of words that it knows.

A model that was not trained on zebras has no word for one, but knows where a horse goes in a sentence. A borrowed word
gets the logit of the known word that stands in for it, and the decoder reads it back as that word. So any search can
choose it, and the sentence around a zebra is the one that the model would write around a horse. No word may directly
follow itself: before an unusual word, decoders tend to repeat one (a hot hot air balloon). Hendricks et al. 2016
(arXiv:1511.05284, section 3.3) transfer a decoder's weights from word to word in this way; here the decoder does not
change.
"""

import numpy as np
import numpy.typing as npt

from showtell.search import Floats, State, StepDecoder
from showtell.search.steps import Ints

_ALLOWED = "borrowed words that are allowed"


class StandInDecoder:
    """A `StepDecoder` over V known entries and E borrowed ones, whose ids follow theirs."""

    def __init__(self, decoder: StepDecoder, entries: int, stand_ins: Ints, allowed: npt.NDArray[np.bool_]) -> None:
        """Wrap a decoder for some pictures.

        Arguments:
            decoder: a decoder over V entries.
            entries: V.
            stand_ins: `int64 (E,)`, the known entry that stands in for each borrowed one.
            allowed: `bool (B, E)`, which ones each picture's sentence may contain, in the order of the embeddings.
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
