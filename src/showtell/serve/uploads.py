"""The body of a request -> its pictures, only in memory.

A body is `multipart/form-data` (RFC 7578) with a file for each picture, or the bytes of one picture, whatever its
content type says. Frameworks keep large parts in files; this code never touches a disk.
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

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it would log bytes from clients


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture from a client: its name, and its bytes or the error that says why there are none."""

    name: str
    data: bytes
    error: str = ""


async def read_body(request: Request, limits: Limits, held: Held) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it exceeds the limit; a body that declares so beforehand is not read at all.
        Busy: all uploads together would exceed the memory for them.
        Refused: the client disconnected.
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
        raise Refused("the client disconnected") from error
    return bytes(body)


def uploads_of(body: bytes, content_type: str, limits: Limits) -> list[Upload]:
    """The pictures in a body; there is at least one.

    Arguments:
        body: the request's body.
        content_type: the request's Content-Type header.
        limits: limits of the number of pictures.

    Raises:
        Unusable: there is no picture, or a part is not a picture.
        TooLarge: there are too many.
        Refused: the body does not match its content type.
    """
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        if not body:
            raise Unusable("there is no picture: send its bytes, or files as multipart/form-data")
        return [Upload("picture", body)]
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 256:
        raise Refused("multipart/form-data without a boundary: let your client set the Content-Type header")
    form = _Form(limits)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        parser.write(body)
        parser.finalize()
    except (MultipartParseError, ValueError) as error:
        raise Refused(f"the body is not multipart/form-data ({' '.join(str(error).split())[:200]})") from error
    if not form.ended:
        raise Refused("the body ends before its last part is complete")
    if not form.uploads:
        raise Unusable("there is no picture in the form: send each as a file")
    return form.uploads


class _Form:
    """The contents of a form, as the parser finds them."""

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
            raise Unusable(f"the form field {field!r} is not a file: put settings into the address, such as ?beam=1")
        name = _text(options.get(b"filename", b"")) or f"picture {len(self.uploads)}"
        self.uploads.append(Upload(name[-_LONGEST_NAME:], bytes(self._data)))

    def _end(self) -> None:
        self.ended = True


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _too_long(limits: Limits) -> str:
    return f"more than {limits.upload_bytes:,} bytes: send smaller pictures, or fewer at once"
