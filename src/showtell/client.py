"""A client of `showtell serve`, with the standard library alone.

    from showtell.client import Client
    client = Client("http://127.0.0.1:8000")
    result = client.caption("photo.jpg")
    print(result.caption.text, result.caption.confidence)
    for result in client.captions(["a.jpg", "b.jpg"], beam=5):
        print(result.name, result.caption or result.error)

`AsyncClient` has the same methods for `await`. Both keep a few pictures in flight, so that the service can batch them.
If the service is busy, pictures are sent again after the time that it asks for.
"""

import asyncio
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from showtell.captioning.caption import Caption, Captioned, Word
from showtell.captioning.tags import Tag
from showtell.errors import InputError, ShowtellError

PictureFile: TypeAlias = str | os.PathLike[str] | bytes
"""A picture: a path, or the bytes of a picture file."""

_URL = "http://127.0.0.1:8000"
_ATTEMPTS = 10
_LONGEST_WAIT = 30.0  # seconds between attempts, whatever the service asks for


class ServiceError(ShowtellError):
    """The service refuses a request or cannot be reached. `status` is its HTTP status, 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    """A service. Several threads may share one client.

    Arguments:
        url: the service's address.
        token: its token, if it needs one.
        at_once: pictures in flight.
        timeout: longest wait for an answer, in seconds.
    """

    url: str = _URL
    token: str = ""
    at_once: int = 8
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise InputError(f"{self.url}: a service's address begins with http:// or https://")
        if self.at_once < 1:
            raise InputError("at_once must be at least 1")

    def caption(self, picture: PictureFile, **settings: Any) -> Captioned:
        """Caption one picture.

        Arguments:
            picture: a path, or the bytes of a picture file.
            settings: query parameters of the service, such as `beam=1`, `num_captions=3` or `must=["dog"]`.

        Returns:
            The result as `Captioner.caption_stream` gives it.

        Raises:
            ServiceError: the service cannot read the picture, refuses a setting, or does not answer.
            InputError: the file cannot be read.
        """
        name, data = _name_and_bytes(picture)
        answer = self._ask(f"/v1/caption{_query(settings)}", data)
        return to_result({**answer["results"][0], "name": name})

    def captions(self, pictures: Iterable[PictureFile], **settings: Any) -> Iterator[Captioned]:
        """Caption any number of pictures, in their order; one that has no caption has its error instead."""

        def one(picture: PictureFile) -> Captioned:
            try:
                return self.caption(picture, **settings)
            except ShowtellError as error:
                return Captioned(_name(picture), None, str(error))

        with ThreadPoolExecutor(self.at_once, thread_name_prefix="client") as pool:
            yield from pool.map(one, pictures)

    def model(self) -> dict[str, Any]:
        """The service's model, its abilities and limits: the answer of `GET /v1/model`."""
        return self._ask("/v1/model")

    def ready(self) -> bool:
        """Whether the service would caption a picture now."""
        try:
            with self._open("/readyz", None):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _ask(self, target: str, body: bytes | None = None) -> dict[str, Any]:
        for attempt in range(_ATTEMPTS):
            try:
                with self._open(target, body) as reply:
                    answer: dict[str, Any] = json.load(reply)
                    return answer
            except urllib.error.HTTPError as error:
                if error.code != 503 or attempt == _ATTEMPTS - 1:
                    raise ServiceError(_message(error), error.code) from error
                time.sleep(min(_LONGEST_WAIT, float(error.headers.get("Retry-After") or 1)))
            except (urllib.error.URLError, OSError) as error:
                reason = getattr(error, "reason", error)
                raise ServiceError(f"{self.url}: does not answer ({reason}): is showtell serve running?") from error
            except ValueError as error:
                raise ServiceError(f"{self.url}: does not answer as showtell serve does: check the address") from error
        raise AssertionError("unreachable")

    def _open(self, target: str, body: bytes | None) -> Any:
        headers = {"Content-Type": "application/octet-stream"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url.rstrip("/") + target, body, headers)
        return urllib.request.urlopen(request, timeout=self.timeout)


class AsyncClient:
    """A service, for `await`; the arguments are those of `Client`."""

    def __init__(self, url: str = _URL, token: str = "", at_once: int = 8, timeout: float = 60.0) -> None:
        self._client = Client(url, token, at_once, timeout)
        self._turns = asyncio.Semaphore(at_once)

    async def caption(self, picture: PictureFile, **settings: Any) -> Captioned:
        """As `Client.caption`."""
        async with self._turns:
            return await asyncio.to_thread(self._client.caption, picture, **settings)

    async def captions(self, pictures: Iterable[PictureFile], **settings: Any) -> AsyncIterator[Captioned]:
        """As `Client.captions`."""

        async def one(picture: PictureFile) -> Captioned:
            try:
                return await self.caption(picture, **settings)
            except ShowtellError as error:
                return Captioned(_name(picture), None, str(error))

        waiting: list[asyncio.Task[Captioned]] = []
        try:
            for picture in pictures:
                waiting.append(asyncio.create_task(one(picture)))
                if len(waiting) == self._client.at_once:
                    yield await waiting.pop(0)
            while waiting:
                yield await waiting.pop(0)
        finally:
            for task in waiting:
                task.cancel()

    async def model(self) -> dict[str, Any]:
        """As `Client.model`."""
        return await asyncio.to_thread(self._client.model)

    async def ready(self) -> bool:
        """As `Client.ready`."""
        return await asyncio.to_thread(self._client.ready)


def to_result(row: Mapping[str, Any]) -> Captioned:
    """A result of the service, or a line of `showtell caption --format jsonl`, as `Captioned`."""
    if row.get("error") is not None:
        return Captioned(row["name"], None, row["error"])
    others = tuple(_sentence(one) for one in row.get("captions", [])[1:])
    tags = tuple(Tag(one["name"], one["probability"]) for one in row.get("tags", []))
    return Captioned(row["name"], _sentence(row, others, tags))


def _sentence(row: Mapping[str, Any], others: tuple[Caption, ...] = (), tags: tuple[Tag, ...] = ()) -> Caption:
    words = tuple(
        Word(one["word"], one["probability"], None if looked is None else np.array(looked, np.float32))
        for one in row["words"]
        for looked in (one.get("attention"),)
    )
    return Caption(
        row["caption"],
        row["score"],
        words,
        others,
        row.get("confidence"),
        row.get("unfamiliar"),
        row.get("guess") or "",
        tags,
        bool(row.get("guided")),
    )


def _name_and_bytes(picture: PictureFile) -> tuple[str, bytes]:
    if isinstance(picture, bytes):
        return _name(picture), picture
    try:
        return _name(picture), Path(picture).read_bytes()
    except OSError as error:
        raise InputError(f"{picture}: cannot be read ({error.strerror})") from error


def _name(picture: PictureFile) -> str:
    return "picture" if isinstance(picture, bytes) else os.fspath(picture)


def _query(settings: Mapping[str, Any]) -> str:
    values = {name: str(one).lower() if isinstance(one, bool) else one for name, one in settings.items()}
    return f"?{urllib.parse.urlencode(values, doseq=True)}" if values else ""


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the service answers {error.code}"
