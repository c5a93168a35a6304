"""How well a caption and the tags of its picture agree: features of the caption's confidence."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from showtell.captioning.confidence.calibration import AGREEMENT
from showtell.captioning.tags.mentions import Mentions
from showtell.captioning.tags.tagger import Tagger, log_odds
from showtell.search import Floats

_LEAST = 1e-3  # probability of a name below which it does not matter how improbable it is


class TagAgreement:
    """Compares sentences with what a tagger sees."""

    def __init__(self, tagger: Tagger) -> None:
        self.tagger, self._mentions = tagger, Mentions(tagger.names)

    def __call__(
        self,
        embeddings: Floats,
        sentences: Sequence[Sequence[str]],
        probabilities: npt.NDArray[np.float64] | None = None,
    ) -> npt.NDArray[np.float64]:
        """The features of each sentence, `float64 (N, 3)`: whether it says a name (0 or 1); the log-odds of the
        likeliest name that it says (0 if none); those of the likeliest name that it does not say.

        Arguments:
            embeddings: `float32 (N, D)` or `(N, L, D)`, one for each sentence.
            sentences: the words of each sentence.
            probabilities: the probability of every name, `float64 (N, names)`, if it is known already.
        """
        if probabilities is None:
            probabilities = self.tagger.probabilities(embeddings)
        rows = np.zeros((len(sentences), AGREEMENT))
        for row, words, of_names in zip(rows, sentences, probabilities, strict=True):
            said = self._mentions([" ".join(words)])
            likeliest = [of_names[said].max(initial=_LEAST), of_names[~said].max(initial=_LEAST)]
            row[:] = said.any(), *log_odds(np.array(likeliest))
            row[1] *= row[0]
        return rows
