"""The answers of the service. A caption has the fields of a line of `showtell caption --format jsonl`."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from showtell._version import __version__
from showtell.captioning.captioner import Caption, Captioned, Captioner
from showtell.captioning.output.row import to_json, with_tags
from showtell.serve.limits import Limits


class WordAnswer(BaseModel):
    """A word and its probability after the words before it."""

    word: str
    probability: float = Field(ge=0, le=1)
    attention: list[list[float]] | None = Field(
        default=None, description="Where the model looked for it: rows of a map over the square picture that sums to 1."
    )


class TagAnswer(BaseModel):
    """A plain name of something in the picture, and the probability that people would mention it."""

    name: str
    probability: float = Field(ge=0, le=1)


class CaptionAnswer(BaseModel):
    """A caption. If the model is not sure, `caption` says so and `guess` is the sentence."""

    caption: str
    score: float = Field(description="Length-normalized log-probability: 0 is certainty, larger is better.")
    words: list[WordAnswer]
    confidence: float | None = Field(default=None, description="Probability that the caption is good, from 0 to 1.")
    unfamiliar: bool | None = Field(default=None, description="Whether the picture is unlike the training pictures.")
    guided: bool | None = Field(default=None, description="Whether the sentence was made to contain the first tag.")
    guess: str | None = None


class PictureAnswer(BaseModel):
    """A picture's name with its caption, or with an error that says why it has none."""

    name: str
    caption: str | None = None
    score: float | None = None
    words: list[WordAnswer] | None = None
    confidence: float | None = None
    unfamiliar: bool | None = None
    guided: bool | None = None
    guess: str | None = None
    tags: list[TagAnswer] | None = Field(default=None, description="What the picture shows, best first.")
    captions: list[CaptionAnswer] | None = Field(
        default=None, description="All captions, best first, if more than one was requested."
    )
    error: str | None = None

    @classmethod
    def of(cls, name: str, result: "Caption | str", tags: int | None = None) -> Self:
        """The answer for a picture, from its caption with at most `tags` tags, or from the reason why it has none."""
        row = Captioned(name, None, result) if isinstance(result, str) else Captioned(name, result)
        return cls.model_validate(to_json(with_tags(row, tags)))


class Answer(BaseModel):
    """The answer of `POST /v1/caption`: the pictures in the order in which they were sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": "flickr8k",
                "results": [
                    {
                        "name": "dog.jpg",
                        "caption": "a dog runs",
                        "score": -1.2,
                        "words": [
                            {"word": "a", "probability": 0.93},
                            {"word": "dog", "probability": 0.81},
                            {"word": "runs", "probability": 0.4},
                        ],
                        "confidence": 0.71,
                        "unfamiliar": False,
                        "tags": [{"name": "dog", "probability": 0.94}],
                    },
                    {"name": "notes.txt", "error": "not a JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF picture"},
                ],
            }
        }
    )

    model: str
    results: list[PictureAnswer]


class LimitsAnswer(BaseModel):
    """The limits of a request."""

    upload_bytes: int
    pixels: int
    pictures: int
    seconds: float


class ModelAnswer(BaseModel):
    """The answer of `GET /v1/model`: the model, its abilities, and the limits of a request."""

    name: str
    version: str = Field(description="Of Showtell.")
    card: str = Field(description="The model card, Markdown.")
    size: int = Field(description="Side length, in pixels, of the square that the model sees.")
    resize: str = Field(description="How a picture is made square: crop, squash or pad.")
    words: int = Field(description="Number of words that the model can write.")
    attends: bool = Field(description="Whether it can show where it looked for each word.")
    calibrated: bool = Field(description="Whether captions have a confidence.")
    tags: bool = Field(description="Whether captions have tags.")
    guides: bool = Field(description="Whether tags guide captions by default.")
    guidable: bool = Field(description="Whether tags can guide captions.")
    addresses: bool = Field(description="Whether the service fetches pictures from the web.")
    search: dict[str, int | float | bool | list[str]] = Field(description="The model's search defaults.")
    limits: LimitsAnswer


class Fault(BaseModel):
    """Why a request failed, in a line for people."""

    error: str


def model_answer(captioner: Captioner, limits: Limits, addresses: bool) -> ModelAnswer:
    """The answer about a model."""
    preprocessing, generator = captioner.encoder.info.preprocessing, captioner.generator
    own = generator.search_defaults.to_json()
    search = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
    return ModelAnswer(
        name=captioner.name,
        version=__version__,
        card=captioner.bundle.parts.get("README.md", b"").decode(errors="replace"),
        size=preprocessing.size,
        resize=preprocessing.resize,
        words=len(captioner.bundle.vocabulary),
        attends=generator.decoder.attends,
        calibrated=generator.knows_confidence,
        tags=generator.tagger is not None,
        guides=generator.guides_by_default,
        guidable=generator.tag_guide is not None,
        addresses=addresses,
        search=search,
        limits=LimitsAnswer(
            upload_bytes=limits.upload_bytes, pixels=limits.pixels, pictures=limits.pictures, seconds=limits.seconds
        ),
    )
