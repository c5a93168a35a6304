"""The options of captioning: one value that every caller passes whole to the generator.

The command line, the service, jobs, Ray workers and the Python API all pass on a `CaptionOptions`.
`Captioner.caption_options` makes one from keyword arguments; `CaptionKeywords` gives them types.
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict, get_args

from showtell.errors import InputError
from showtell.search import SearchOptions

Guiding: TypeAlias = Literal["auto", "off", "always"]
"""Whether tags guide captions: as the model's default says, never, or always."""


class SearchKeywords(TypedDict, total=False):
    """The fields of `showtell.search.SearchOptions` as keyword arguments; the model's defaults replace missing ones."""

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
    prompt: str


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
        search: options of the search.
        attention: give each word its attention map; every sentence then goes through the decoder again.
        min_confidence: give `NOT_SURE` instead of a sentence with less confidence than this, in [0, 1].
        guide: whether captions must contain a tag that the model is certain of.
        careful: leave out what the model is unsure of (see `showtell.captioning.minimum_risk`); each picture gets one
            caption.

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
            raise InputError(f"the minimum confidence must be between 0 and 1, not {self.min_confidence:g}")
        if self.guide not in get_args(Guiding):
            raise InputError(f"guide must be one of {', '.join(get_args(Guiding))}, not {self.guide!r}")
        if self.careful and (self.search.num_captions > 1 or self.search.must):
            raise InputError("careful captions allow no alternatives and no words that must appear: leave these out")


def check_names(given: Collection[str], known: Collection[str]) -> None:
    """Raise an `InputError` for an option that does not exist; it suggests similar names."""
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"there is no option {name!r}: {hint}")
