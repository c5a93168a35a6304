"""Captions and references -> CIDEr-D of the model and of people on each picture, for comparison."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from showtell.metrics import DocumentFrequency, cider_d, ptb_tokenize

Floats = npt.NDArray[np.float64]

SHARE = 0.5
"""A good caption scores at least this share of a person's CIDEr-D on the same picture."""


@dataclass(frozen=True, slots=True, eq=False)
class HumanBaseline:
    """CIDEr-D of each picture, both `float64 (N,)`.

    `model` is that of the model's caption against all references. `people` is the mean over references of each against
    the others; it is nan for a picture with one reference.
    """

    model: Floats
    people: Floats

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """Whether a picture has two references or more, `(N,)`."""
        return ~np.isnan(self.people)

    @property
    def good(self) -> npt.NDArray[np.bool_]:
        """Whether the model's caption scores above 0 and at least half of what people score, `(N,)`."""
        return (self.model > 0) & (self.model >= SHARE * np.nan_to_num(self.people))


def human_baseline(captions: Sequence[str], references: Mapping[str, Sequence[str]]) -> HumanBaseline:
    """Score the model's captions and people's. The document frequencies come from all references.

    Arguments:
        captions: the model's, one for each picture, in the order of `references`.
        references: picture name -> people's captions.
    """
    tokens = {name: [ptb_tokenize(text) for text in texts] for name, texts in references.items()}
    frequency = DocumentFrequency.of(tokens)
    hypotheses = {name: ptb_tokenize(caption) for name, caption in zip(tokens, captions, strict=True)}
    model = cider_d(hypotheses, tokens, frequency).per_picture[:, 0]
    place = {name: i for i, name in enumerate(tokens)}
    sums, counts = np.zeros(len(tokens)), np.zeros(len(tokens))
    for person in range(max(map(len, tokens.values()))):
        own = {name: texts[person] for name, texts in tokens.items() if len(texts) > max(person, 1)}
        others = {name: [*tokens[name][:person], *tokens[name][person + 1 :]] for name in own}
        if own:
            rows = [place[name] for name in own]
            sums[rows] += cider_d(own, others, frequency).per_picture[:, 0]
            counts[rows] += 1
    people = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return HumanBaseline(model, people)
