"""The settings of a request: query parameters with bounds -> caption options."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from showtell.captioning.captioner import Captioner
from showtell.captioning.options import CaptionOptions, Guiding
from showtell.errors import InputError
from showtell.serve.http_errors import Unusable

Phrase = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Settings(BaseModel):
    """The settings of a request. Missing ones have the model's defaults. The bounds keep a request from taking long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beam: int | None = Field(default=None, ge=1, le=20, description="Width of the beam search; 1 is greedy.")
    num_captions: int | None = Field(default=None, ge=1, le=10, description="Captions for each picture, best first.")
    diversity: float | None = Field(
        default=None, ge=0, le=10, description="With several captions: larger values make them differ more."
    )
    groups: int | None = Field(
        default=None, ge=0, le=10, description="Number of beam groups that must differ; 0 is one for each caption."
    )
    length_penalty: float | None = Field(default=None, ge=0, le=5, description="Values above 0 favor longer captions.")
    min_length: int | None = Field(default=None, ge=1, le=50, description="Minimum number of words.")
    max_length: int | None = Field(default=None, ge=1, le=50, description="Maximum number of words.")
    no_repeat_ngram: int | None = Field(
        default=None, ge=0, le=10, description="Never repeat so many words in a row; 0 allows any repetition."
    )
    must: list[Phrase] | None = Field(
        default=None, max_length=4, description="Words or phrases that must appear; cat|cats is either of them."
    )
    must_not: list[Phrase] | None = Field(
        default=None, max_length=50, description="Words or phrases that must not appear."
    )
    sample: bool | None = Field(default=None, description="Sample captions at random instead of searching.")
    temperature: float | None = Field(default=None, ge=0.01, le=100, description="Of sampling: lower is likelier.")
    top_k: int | None = Field(
        default=None, ge=0, le=100_000, description="Sample from the k likeliest words; 0 is all words."
    )
    top_p: float | None = Field(default=None, gt=0, le=1, description="Sample from the likeliest words that sum to p.")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, description="Of sampling.")
    attention: bool = Field(default=False, description="Add where the model looked for each word, if it has attention.")
    min_confidence: float = Field(default=0.0, ge=0, le=1, description='Answer "not sure" below this confidence.')
    guide: Guiding = Field(
        default="auto",
        description="Whether captions must contain tags that are certain; auto is the default.",
    )
    careful: bool = Field(default=False, description="Leave out what the model is unsure of.")
    tags: int | None = Field(default=None, ge=0, le=100, description="Most tags of each picture.")

    def options(self, captioner: Captioner) -> CaptionOptions:
        """The caption options; `Unusable` if settings contradict each other or the model cannot do what they ask."""
        try:
            return captioner.caption_options(**self.model_dump(exclude_none=True, exclude={"tags"}))
        except InputError as error:
            raise Unusable(str(error)) from error
