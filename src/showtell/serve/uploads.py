"""The body of a request -> the pictures in it, in memory alone.

A body is `multipart/form-data` (RFC 7578) with a file for each picture, or else the bytes of one picture, whatever
their content type says. Frameworks keep large parts in files; nothing here ever touches a disk.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from showtell.serve.admission import Held
from showtell.serve.http_errors import Refused, TooLarge, Unusable
from showtell.serve.limits import Limits

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_LONGEST_NAME = 255

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it would log bytes that clients sent


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture as it came: what it is called, and its bytes, or why they could not be had."""

    name: str
    data: bytes
    error: str = ""


async def read_body(request: Request, limits: Limits, held: Held) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is longer than a body may be; one that says so beforehand is not read at all.
        Busy: all uploads together would be held in more memory than there is for them.
        Refused: the client went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.upload_bytes:
        raise TooLarge(_too_long(limits))
    body = bytearray()
    try:
        async for piece in request.stream():
            held.add(len(piece))
            body += piece
            if len(body) > limits.upload_bytes:
                raise TooLarge(_too_long(limits))
    except ClientDisconnect as error:
        raise Refused("the client went away") from error
    return bytes(body)


def uploads_of(body: bytes, content_type: str, limits: Limits) -> list[Upload]:
    """The pictures in a body, at least one.

    Arguments:
        body: the request's.
        content_type: the request's header.
        limits: how many pictures there may be.

    Raises:
        Unusable: there is no picture, or a part that is none.
        TooLarge: there are too many.
        Refused: the body is not what its content type says.
    """
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        if not body:
            raise Unusable("there is no picture: send its bytes, or files as multipart/form-data")
        return [Upload("picture", body)]
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 256:
        raise Refused("multipart/form-data without a boundary: let your client write the Content-Type header")
    form = _Form(limits)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        parser.write(body)
        parser.finalize()
    except (MultipartParseError, ValueError) as error:
        raise Refused(f"the body is not multipart/form-data ({' '.join(str(error).split())[:200]})") from error
    if not form.ended:
        raise Refused("the body ends before its last part does")
    if not form.uploads:
        raise Unusable("there is no picture in the form: send each as a file")
    return form.uploads


class _Form:
    """What a form holds, as the parser comes upon it."""

    def __init__(self, limits: Limits) -> None:
        self.uploads: list[Upload] = []
        self.ended = False
        self._limits = limits
        self._field, self._value = b"", b""
        self._disposition = b""
        self._data = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        if len(self.uploads) == self._limits.pictures:
            raise TooLarge(f"more than {self._limits.pictures} pictures: send fewer at once")
        self._disposition = b""
        self._data = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _part_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        field = _text(options.get(b"name", b""))
        if b"filename" not in options and field != "picture":
            raise Unusable(f"the form's field {field!r} is no file: settings go into the address, as ?beam=1")
        name = _text(options.get(b"filename", b"")) or f"picture {len(self.uploads)}"
        self.uploads.append(Upload(name[-_LONGEST_NAME:], bytes(self._data)))

    def _end(self) -> None:
        self.ended = True


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _too_long(limits: Limits) -> str:
    return f"more than {limits.upload_bytes:,} bytes: send smaller pictures, or fewer at once"
