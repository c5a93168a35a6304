"""How a sentence is found, and what is found."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from showtell.errors import InputError
from showtell.search.phrases import alternatives

MOST = 1000
"""Beams, and words of a caption, at most."""
MOST_CAPTIONS = 100_000
"""Captions of a picture, at most: so many only where they are sampled."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a sentence is found.

    Greedy when `beam` is 1 and `sample` is false. `length_penalty` is the exponent of the length that a beam's
    log-probability is divided by; 0 prefers short sentences. Sampling draws from probabilities raised to the power
    1 / `temperature`, of the `top_k` likeliest words (0: all), of the smallest set of words that holds `top_p` of the
    probability (1: all). Each picture draws from `seed` and its own place in the run, whatever batch it falls into.

    With `diversity` above 0 several captions are kept from being alike: the beams are shared out among `groups` (0: as
    many as captions), see `showtell.search.diverse`.

    A sentence has `min_length` to `max_length` words, none of the words and phrases of `must_not`, and no
    `no_repeat_ngram` words in a row twice (0: no such rule), see `showtell.search.rules`. It holds every one of `must`,
    words, phrases or several of them between bars ("cat|cats") of which one is enough; then `beam` is the width of each
    bank of beams, see `showtell.search.banks`.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "must", _entries(self.must))
        object.__setattr__(self, "must_not", _entries(self.must_not))
        checks = (
            (1 <= self.beam <= MOST, f"beam must be at least 1, and at most {MOST:,}, not {self.beam}"),
            (
                1 <= self.num_captions <= MOST_CAPTIONS,
                f"the number of captions must be at least 1, and at most {MOST_CAPTIONS:,}, not {self.num_captions}",
            ),
            (
                self.sample or self.num_captions <= self.beam,
                f"{self.num_captions} captions need a beam of at least {self.num_captions}, or sampling",
            ),
            (0 < self.temperature < inf, f"the temperature must be above 0, and finite, not {self.temperature:g}"),
            (self.top_k >= 0, f"top-k must not be negative ({self.top_k})"),
            (0 < self.top_p <= 1, f"top-p must lie in (0, 1], not {self.top_p:g}"),
            (self.seed >= 0, f"the seed must not be negative ({self.seed})"),
            (
                1 <= self.max_length <= MOST,
                f"the maximal length must be at least 1 word, and at most {MOST:,}, not {self.max_length}",
            ),
            (0 <= self.length_penalty < inf, f"the length penalty must not be negative ({self.length_penalty:g})"),
            (0 <= self.diversity < inf, f"the diversity must not be negative ({self.diversity:g})"),
            (self.groups >= 0, f"the number of groups must not be negative ({self.groups})"),
            (
                self.sample or self.beam % max(self.beam_groups, 1) == 0,
                f"{self.beam_groups} groups cannot share a beam of {self.beam} evenly: choose a multiple",
            ),
            (
                1 <= self.min_length <= self.max_length,
                f"the minimal length must lie between 1 and the maximal, {self.max_length}, not be {self.min_length}",
            ),
            (not (self.must and self.sample), "words that must appear need a beam: leave sampling out"),
            (
                not (self.must and self.beam_groups > 1),
                "words that must appear do not go together with diversity: leave one out",
            ),
            (self.no_repeat_ngram >= 0, f"no_repeat_ngram must not be negative ({self.no_repeat_ngram})"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)
        for entry in (*self.must, *self.must_not):
            alternatives(entry)  # raises where there is no word in it

    @property
    def beam_groups(self) -> int:
        """Groups of the beams that do not compete with one another; 1 without `diversity`."""
        return (self.groups or self.num_captions) if self.diversity else 1


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A sentence: word ids without START and END, the log-probability of each, and the score it was ranked by.

    `score` is the sum of the log-probabilities, that of END included where the sentence was not cut, divided by the
    number of summands to the power `length_penalty`; 0 is certainty.

    `calibrated_log_probs` are the log-probabilities of the words and of END, even where that did not come, at the
    calibration temperature of the search; empty where it had none, or rules left the sentence no word.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    score: float
    calibrated_log_probs: tuple[float, ...] = ()


def _entries(given: str | Iterable[str]) -> tuple[str, ...]:
    """One entry or several, as Python, JSON and TOML give them."""
    return (given,) if isinstance(given, str) else tuple(given)
