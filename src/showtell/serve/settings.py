"""How a request wants its captions: query parameters, with bounds, and the search options that they stand for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from showtell.captioning.captioner import Captioner
from showtell.captioning.options import CaptionOptions, Guiding
from showtell.errors import InputError
from showtell.serve.http_errors import Unusable

Phrase = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Settings(BaseModel):
    """What may be asked; what is left out is as the model has it. The bounds keep one request from taking long."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    beam: int | None = Field(default=None, ge=1, le=20, description="Width of the beam search; 1 is greedy.")
    num_captions: int | None = Field(default=None, ge=1, le=10, description="Captions for each picture, best first.")
    diversity: float | None = Field(
        default=None, ge=0, le=10, description="Of several captions: the larger, the less alike."
    )
    groups: int | None = Field(
        default=None, ge=0, le=10, description="Groups of beams that differ; 0 is one a caption."
    )
    length_penalty: float | None = Field(default=None, ge=0, le=5, description="Above 0 favours longer captions.")
    min_length: int | None = Field(default=None, ge=1, le=50, description="Words of the shortest caption.")
    max_length: int | None = Field(default=None, ge=1, le=50, description="Words of the longest caption.")
    no_repeat_ngram: int | None = Field(
        default=None, ge=0, le=10, description="No so many words in a row twice; 0 allows it."
    )
    must: list[Phrase] | None = Field(
        default=None, max_length=4, description="Words or phrases to be said; cat|cats is either of them."
    )
    must_not: list[Phrase] | None = Field(
        default=None, max_length=50, description="Words or phrases that are not to be said."
    )
    sample: bool | None = Field(default=None, description="Draw captions at random instead.")
    temperature: float | None = Field(default=None, ge=0.01, le=100, description="Of sampling: below 1 is safer.")
    top_k: int | None = Field(
        default=None, ge=0, le=100_000, description="Sample from the k likeliest words; 0 is all."
    )
    top_p: float | None = Field(default=None, gt=0, le=1, description="Sample from the likeliest words that hold p.")
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1, description="Of sampling.")
    attention: bool = Field(default=False, description="Say where the model looked for each word, where it can.")
    min_confidence: float = Field(default=0.0, ge=0, le=1, description='Say "not sure" below this confidence.')
    guide: Guiding = Field(
        default="auto", description="Whether captions must name what is surely seen; auto is as the model has it."
    )

    def options(self, captioner: Captioner) -> CaptionOptions:
        """The same for the engine; `Unusable` where settings do not go together or the model lacks what is asked."""
        try:
            return captioner.caption_options(**self.model_dump(exclude_none=True))
        except InputError as error:
            raise Unusable(str(error)) from error
