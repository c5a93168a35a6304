"""How pictures are captioned: one value that goes whole from whoever asks to the generator.

`CaptionOptions` is what the command line, the service, a piece of a job, a Ray worker and the Python API pass on.
`Captioner.caption_options` makes one from keyword arguments, which people write and `CaptionKeywords` types.
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict, get_args

from showtell.errors import InputError
from showtell.search import SearchOptions

Guiding: TypeAlias = Literal["auto", "off", "always"]
"""Whether captions are guided by tags: as the model has it, never, or always."""


class SearchKeywords(TypedDict, total=False):
    """The fields of `showtell.search.SearchOptions` as keyword arguments; what is left out is as the model has it."""

    beam: int
    num_captions: int
    sample: bool
    temperature: float
    top_k: int
    top_p: float
    seed: int
    max_length: int
    length_penalty: float
    diversity: float
    groups: int
    min_length: int
    no_repeat_ngram: int
    must: str | Sequence[str]
    must_not: str | Sequence[str]


class CaptionKeywords(SearchKeywords, total=False):
    """The fields of `CaptionOptions`, and of the search options in it, as keyword arguments."""

    attention: bool
    min_confidence: float
    guide: Guiding
    careful: bool


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """How captions are generated, and what they carry.

    Arguments:
        search: how sentences are found.
        attention: give each word where the model looked for it; every sentence then goes through the decoder again.
        min_confidence: say `NOT_SURE` in place of a sentence of less confidence, in [0, 1].
        guide: whether captions must name what is surely seen.
        careful: give up detail for truth: see `showtell.captioning.minimum_risk`. There is one caption of each picture.

    Raises:
        InputError: a value is out of range.
    """

    search: SearchOptions
    attention: bool = False
    min_confidence: float = 0.0
    guide: Guiding = "auto"
    careful: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise InputError(f"the least confidence must lie in [0, 1], not be {self.min_confidence:g}")
        if self.guide not in get_args(Guiding):
            raise InputError(f"guide must be one of {', '.join(get_args(Guiding))}, not {self.guide!r}")
        if self.careful and (self.search.num_captions > 1 or self.search.must):
            raise InputError("a careful caption is the only one of its picture, and has no words that must appear")


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """Raise an `InputError` for an option that does not exist; it suggests those of similar names."""
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"there is no option {name!r}: {hint}")
