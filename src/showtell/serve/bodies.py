"""The body of a request as JSON: pictures in base64, or their addresses."""

import base64
import binascii
import difflib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from showtell.serve.http_errors import TooLarge, Unusable
from showtell.serve.limits import Limits
from showtell.serve.uploads import Upload

_LONGEST_NAME = 255
Name = Annotated[str, StringConstraints(max_length=_LONGEST_NAME)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class EncodedPicture(BaseModel):
    """A picture file in base64 (RFC 4648), with or without the start of a data URL."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    data: str = Field(min_length=1, examples=["/9j/4AAQSkZJRgABAQ..."])


class JsonBody(BaseModel):
    """Pictures in base64, or addresses of pictures where the service fetches them."""

    model_config = ConfigDict(extra="forbid")

    pictures: list[EncodedPicture] | None = Field(default=None, min_length=1)
    urls: list[Address] | None = Field(default=None, min_length=1, examples=[["https://example.org/dog.jpg"]])


def read_json(body: bytes, limits: Limits) -> tuple[list[Upload], list[str]]:
    """The pictures or the addresses of a body; one of the two lists is empty.

    Raises:
        Unusable: the body is not of this form.
        TooLarge: it has too many pictures.
    """
    try:
        value = JsonBody.model_validate_json(body)
    except ValidationError as error:
        raise Unusable(first_error(error.errors()[0], "the body", JsonBody.model_fields)) from error
    if (value.pictures is None) == (value.urls is None):
        raise Unusable('the body must have either "pictures" or "urls": see /docs')
    found = value.pictures or value.urls or []
    if len(found) > limits.pictures:
        raise TooLarge(f"more than {limits.pictures} pictures: send fewer at once")
    return [_decoded(one, i) for i, one in enumerate(value.pictures or [])], value.urls or []


def _decoded(picture: EncodedPicture, place: int) -> Upload:
    name = picture.name or f"picture {place}"
    text = picture.data.partition(",")[2] if picture.data.startswith("data:") else picture.data
    try:
        return Upload(name, base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return Upload(name, b"", "not base64: encode the picture's file")


def first_error(error: Mapping[str, Any], whole: str, known: Iterable[str]) -> str:
    """The first error of pydantic, with its position; for an unknown name, with the known ones.

    Arguments:
        error: one of `ValidationError.errors()`.
        whole: what is wrong if the error has no position.
        known: the names that may stand there.
    """
    place = ".".join(str(part) for part in error["loc"] if part != "query") or whole
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    names = list(known) if "." not in place else list(EncodedPicture.model_fields)
    near = difflib.get_close_matches(str(error["loc"][-1]), names, 1)
    meant = f": did you mean {near[0]}?" if near else ""
    return f"{place}: there is no such name{meant}; there are {', '.join(names)}"
