"""A running service: everything that it consists of, and the path of a request's pictures to their captions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from showtell.captioning.captioner import Caption, Captioner
from showtell.captioning.options import CaptionOptions
from showtell.errors import PictureError, ShowtellError
from showtell.serve.admission import Admission, Held
from showtell.serve.answers import Answer, PictureAnswer
from showtell.serve.counters import Counters
from showtell.serve.engine import Batching, Engine
from showtell.serve.fetch import Fetcher, resolve_name
from showtell.serve.http_errors import Busy, Forbidden, Unusable
from showtell.serve.limits import Limits
from showtell.serve.pictures import PictureDecoder
from showtell.serve.uploads import Upload


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service runs; `addresses` is whether it fetches pictures from the web."""

    limits: Limits = Limits()
    batching: Batching = Batching()
    addresses: bool = False


class Service:
    """A captioner that many clients share."""

    def __init__(self, captioner: Captioner, options: ServiceOptions = ServiceOptions()) -> None:
        self.captioner, self.options, self.limits = captioner, options, options.limits
        self.counters = Counters()
        self.admission = Admission(self.limits)
        self.counters.waiting.set_function(lambda: self.admission.pictures)
        self.decoder = PictureDecoder(captioner.encoder.info.preprocessing, self.limits.pixels)
        self.engine = Engine(captioner, options.batching, self.counters.batched)
        self.fetcher = (
            Fetcher(self.limits.upload_bytes, self.limits.seconds, resolve_name) if options.addresses else None
        )
        self._warm_up()

    def _warm_up(self) -> None:
        """Run everything once, so that the first client does not wait for start-up work."""
        size = self.captioner.encoder.info.preprocessing.size
        grey = np.full((size, size, 3), 128, np.uint8)
        self.engine.submit(grey, self.captioner.caption_options()).result()

    @property
    def ready(self) -> bool:
        """Whether the service would caption a picture now."""
        return self.engine.alive and not self.admission.full

    async def caption(self, uploads: Sequence[Upload], options: CaptionOptions, tags: int | None = None) -> Answer:
        """Caption pictures; an unreadable one has its error instead of a caption. Others have at most so many `tags`.

        Raises:
            Busy: too many pictures are waiting, or these took too long.
            Unusable: none of the pictures can be read.
        """
        with self.admission.accepted(len(uploads)):
            try:
                async with asyncio.timeout(self.limits.seconds):
                    results = await asyncio.gather(*(self._captioned(u, options, i) for i, u in enumerate(uploads)))
            except TimeoutError as error:
                raise Busy(f"the captions took more than {self.limits.seconds:g} s: send fewer pictures") from error
        for result in results:
            self.counters.pictures.labels("unreadable" if isinstance(result, str) else "captioned").inc()
        if all(isinstance(result, str) for result in results):
            raise Unusable(f"{uploads[0].name}: {results[0]}" if len(uploads) == 1 else _all_unreadable(results))
        named = zip(uploads, results, strict=True)
        return Answer(
            model=self.captioner.name,
            results=[PictureAnswer.of(upload.name, result, tags) for upload, result in named],
        )

    async def fetched(self, urls: Sequence[str], held: Held) -> list[Upload]:
        """Fetch the pictures at addresses; one that cannot be fetched carries its error.

        Raises:
            Forbidden: the service does not fetch pictures.
            Busy: they take too long or too much memory.
        """
        if self.fetcher is None:
            raise Forbidden("this service does not fetch pictures from addresses: send the picture itself")
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await asyncio.gather(*(self._fetched(self.fetcher, url, held) for url in urls))
        except TimeoutError as error:
            raise Busy(f"the pictures did not arrive within {self.limits.seconds:g} s: try again") from error

    async def _fetched(self, fetcher: Fetcher, url: str, held: Held) -> Upload:
        try:
            data = await asyncio.get_running_loop().run_in_executor(None, fetcher, url)
        except PictureError as error:
            return Upload(url, b"", str(error))
        held.add(len(data))
        return Upload(url, data)

    async def _captioned(self, upload: Upload, options: CaptionOptions, place: int) -> Caption | str:
        if upload.error:
            return upload.error
        loop = asyncio.get_running_loop()
        square = await loop.run_in_executor(self.decoder.threads, self.decoder, upload.data)
        if isinstance(square, str):
            return square
        try:
            return await asyncio.wrap_future(self.engine.submit(square, options, place))
        except ShowtellError as error:
            raise Unusable(str(error)) from error

    def close(self) -> None:
        """Finish what was accepted."""
        self.decoder.close()
        self.engine.close()


def _all_unreadable(results: Sequence[Caption | str]) -> str:
    return f"none of the {len(results)} pictures can be read; the first: {results[0]}"
