"""The options of a search, and its result."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from showtell.errors import InputError
from showtell.search.phrases import alternatives

MOST = 1000
"""The largest beam, and the largest number of words in a caption."""
MOST_CAPTIONS = 100_000
"""The largest number of captions of a picture; so many only by sampling."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """The options of a search.

    The search is greedy if `beam` is 1 and `sample` is false. Log-probabilities are divided by the length to the power
    `length_penalty`; 0 prefers short sentences. Sampling uses probabilities to the power 1 / `temperature`, of the
    `top_k` likeliest words (0: all), of the smallest set of words with `top_p` of the probability (1: all). The samples
    of a picture depend on `seed` and its position in the run, not on its batch.

    With `diversity` above 0 several captions of a picture differ more: the beams are divided among `groups` (0: one for
    each caption), see `showtell.search.diverse`.

    A sentence has `min_length` to `max_length` words, no words or phrases of `must_not`, and never repeats
    `no_repeat_ngram` words in a row (0: no such rule), see `showtell.search.rules`. It contains every entry of `must`:
    a word, a phrase, or alternatives between bars ("cat|cats"). With `must`, `beam` is the width of each bank of beams,
    see `showtell.search.banks`. A sentence begins with the words of `prompt`, which its score leaves out.
    """

    beam: int = 3
    num_captions: int = 1
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    max_length: int = 20
    length_penalty: float = 0.7
    diversity: float = 0.0
    groups: int = 0
    min_length: int = 1
    no_repeat_ngram: int = 0
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    prompt: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "must", _entries(self.must))
        object.__setattr__(self, "must_not", _entries(self.must_not))
        checks = (
            (1 <= self.beam <= MOST, f"beam must be from 1 to {MOST:,}, not {self.beam}"),
            (
                1 <= self.num_captions <= MOST_CAPTIONS,
                f"the number of captions must be from 1 to {MOST_CAPTIONS:,}, not {self.num_captions}",
            ),
            (
                self.sample or self.num_captions <= self.beam,
                f"{self.num_captions} captions need a beam of at least {self.num_captions}, or sampling",
            ),
            (0 < self.temperature < inf, f"the temperature must be above 0 and finite, not {self.temperature:g}"),
            (self.top_k >= 0, f"top-k must be at least 0, not {self.top_k}"),
            (0 < self.top_p <= 1, f"top-p must be above 0 and at most 1, not {self.top_p:g}"),
            (self.seed >= 0, f"the seed must be at least 0, not {self.seed}"),
            (
                1 <= self.max_length <= MOST,
                f"the maximum length must be from 1 to {MOST:,} words, not {self.max_length}",
            ),
            (0 <= self.length_penalty < inf, f"the length penalty must be at least 0, not {self.length_penalty:g}"),
            (0 <= self.diversity < inf, f"the diversity must be at least 0, not {self.diversity:g}"),
            (self.groups >= 0, f"the number of groups must be at least 0, not {self.groups}"),
            (
                self.sample or self.beam % max(self.beam_groups, 1) == 0,
                f"{self.beam_groups} groups cannot divide a beam of {self.beam} evenly: choose a multiple",
            ),
            (
                1 <= self.min_length <= self.max_length,
                f"the minimum length must be from 1 to the maximum, {self.max_length}, not {self.min_length}",
            ),
            (not (self.must and self.sample), "words that must appear need a beam: leave sampling out"),
            (
                not (self.must and self.beam_groups > 1),
                "words that must appear cannot be combined with diversity: leave out one",
            ),
            (self.no_repeat_ngram >= 0, f"no_repeat_ngram must be at least 0, not {self.no_repeat_ngram}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
        for entry in (*self.must, *self.must_not):
            alternatives(entry)  # raises an error if it has no words

    def to_json(self) -> dict[str, Any]:
        """The fields as values; an empty prompt is left out, as earlier releases know none."""
        values = asdict(self)
        if not self.prompt:
            del values["prompt"]
        return values

    @property
    def beam_groups(self) -> int:
        """The number of groups of beams that do not compete; 1 without `diversity`."""
        return (self.groups or self.num_captions) if self.diversity else 1


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A sentence: word ids without START and END, the log-probability of each, and the score that ranked it.

    `score` is the sum of the log-probabilities, including END if the sentence was not cut, divided by the number of
    summands to the power `length_penalty`; 0 is certainty.

    `calibrated_log_probs` are the log-probabilities of the words and of END, even if the sentence was cut, at the
    search's calibration temperature. They are empty if there was none, or if rules left the sentence no word.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    score: float
    calibrated_log_probs: tuple[float, ...] = ()


def _entries(given: str | Iterable[str]) -> tuple[str, ...]:
    """One entry or several, as in Python, JSON and TOML."""
    return (given,) if isinstance(given, str) else tuple(given)
