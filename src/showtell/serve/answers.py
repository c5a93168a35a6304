"""Captions as the service says them: the fields of a line of `showtell caption --format jsonl`."""

import dataclasses
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from showtell._version import __version__
from showtell.captioning.captioner import Caption, Captioned, Captioner
from showtell.captioning.output.row import to_json
from showtell.serve.limits import Limits


class WordAnswer(BaseModel):
    """A word and how probable the model found it after the words before it."""

    word: str
    probability: float = Field(ge=0, le=1)
    attention: list[list[float]] | None = Field(
        default=None, description="Where the model looked for it: rows of a map over the square picture, 1 in sum."
    )


class TagAnswer(BaseModel):
    """A plain name of something in the picture, and how probable it is that people would mention it."""

    name: str
    probability: float = Field(ge=0, le=1)


class CaptionAnswer(BaseModel):
    """A caption. `guess` is there where the model is not sure, which `caption` then says."""

    caption: str
    score: float = Field(description="Length-normalised log-probability: 0 is certainty, larger is better.")
    words: list[WordAnswer]
    confidence: float | None = Field(
        default=None, description="How probable it is that the caption is good, of 0 to 1."
    )
    unfamiliar: bool | None = Field(
        default=None, description="Whether the picture is unlike those that were learnt from."
    )
    guided: bool | None = Field(default=None, description="Whether the sentence was made to say the first tag.")
    guess: str | None = None


class PictureAnswer(BaseModel):
    """A picture's name with its caption, or with the error that says why it has none."""

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
        default=None, description="All captions, best first, where more than one was asked for."
    )
    error: str | None = None

    @classmethod
    def of(cls, name: str, result: "Caption | str") -> Self:
        """The answer for a picture: of its caption, or of the reason why there is none."""
        row = Captioned(name, None, result) if isinstance(result, str) else Captioned(name, result)
        return cls.model_validate(to_json(row))


class Answer(BaseModel):
    """What `POST /v1/caption` answers: the pictures in the order in which they were sent."""

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
    """What a request may hold."""

    upload_bytes: int
    pixels: int
    pictures: int
    seconds: float


class ModelAnswer(BaseModel):
    """What `GET /v1/model` answers: the model, what it can do, and what a request may hold."""

    name: str
    version: str = Field(description="Of Showtell.")
    card: str = Field(description="The model card, Markdown.")
    size: int = Field(description="Pixels of a side of the square that the model sees.")
    resize: str = Field(description="How a picture is made square: crop, squash or pad.")
    words: int = Field(description="That the model can say.")
    attends: bool = Field(description="Whether it can say where it looked for each word.")
    calibrated: bool = Field(description="Whether it knows how sure it is.")
    tags: bool = Field(description="Whether it names what it sees.")
    guides: bool = Field(description="Whether its captions must name what is surely seen, unless asked otherwise.")
    guidable: bool = Field(description="Whether they can be made to.")
    addresses: bool = Field(description="Whether the service fetches pictures from the web.")
    search: dict[str, int | float | bool | list[str]] = Field(description="How it finds captions by itself.")
    limits: LimitsAnswer


class Fault(BaseModel):
    """Why there is no answer, in a line for people."""

    error: str


def model_answer(captioner: Captioner, limits: Limits, addresses: bool) -> ModelAnswer:
    """The answer about a model."""
    preprocessing, generator = captioner.encoder.info.preprocessing, captioner.generator
    own = dataclasses.asdict(generator.search_defaults)
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
