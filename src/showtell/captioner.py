"""The front door: pictures in, captions out. Runs on ONNX Runtime, NumPy and Pillow alone.

from showtell import Captioner

captioner = Captioner()                        # the model that comes with the package
captioner.caption("photo.jpg").text            # 'a dog runs through the grass'
captioner.caption(["a.jpg", image, array])     # a list of captions, in batches
"""

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from showtell.bundle import Bundle, read_bundle
from showtell.data.images import RawPicture
from showtell.errors import InputError, PictureError, ShowtellError
from showtell.image import Picture, ResizeMode, decode, square
from showtell.pipeline import Prepared, prepared
from showtell.search import Hypothesis, SearchOptions, search

DEFAULT_MODEL = "flickr8k.showtell"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a caption and the probability, in (0, 1], that the decoder gave it after the words before."""

    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence about a picture.

    `score` is the length-normalised log-probability of the sentence: 0 is certainty, and the larger the better.
    `alternatives` are further sentences, best first, where more than one was asked for.
    """

    text: str
    score: float
    words: tuple[Word, ...]
    alternatives: tuple["Caption", ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Captioned:
    """What became of one picture of a stream: its caption, or the reason why there is none."""

    name: str
    caption: Caption | None
    error: str = ""


class Captioner:
    """A model, loaded and ready. One instance may be used from several threads."""

    def __init__(
        self, model: str | Path | None = None, *, resize: ResizeMode | None = None, threads: int | None = None
    ) -> None:
        """Load a model.

        Arguments:
            model: a bundle, file or folder; None for the one that comes with the package.
            resize: how pictures are made square, where it shall differ from the model's own way.
            threads: threads of one run of a network; None for one per available core.

        Raises:
            BundleError: the bundle is missing or damaged.
        """
        self.bundle: Bundle = read_bundle(default_model() if model is None else model)
        self.encoder = self.bundle.encoder(resize=resize, threads=threads)
        self.decoder = self.bundle.decoder(threads=threads)
        self.options = self.bundle.search_options()

    @overload
    def caption(self, pictures: Picture, *, batch_size: int = 16, **options: Any) -> Caption: ...

    @overload
    def caption(self, pictures: Sequence[Picture], *, batch_size: int = 16, **options: Any) -> list[Caption]: ...

    def caption(
        self, pictures: Picture | Sequence[Picture], *, batch_size: int = 16, **options: Any
    ) -> Caption | list[Caption]:
        """Caption one picture, or a list of pictures in batches.

        Arguments:
            pictures: a path, bytes, PIL image or array (see `showtell.image.decode`), or a list of these.
            batch_size: pictures that go through the networks at once.
            options: fields of `showtell.search.SearchOptions` that differ from the model's defaults, such as `beam=1`
                (greedy), `num_captions=3`, or `sample=True, temperature=0.7, seed=1`.

        Raises:
            PictureError: a picture cannot be read; the message names which. To caption what can be read and be told of
                the rest, use `caption_stream`.
            InputError: an option is unknown or out of range.
        """
        if isinstance(pictures, (list, tuple)):
            return self._caption_list(pictures, batch_size, self.search_options(**options))
        return self._caption_list([pictures], 1, self.search_options(**options))[0]  # type: ignore[list-item]

    def caption_stream(
        self, pictures: Iterable[RawPicture], *, batch_size: int = 16, workers: int | None = None, **options: Any
    ) -> Iterator[Captioned]:
        """Caption a stream of any length in constant memory, in its order; unreadable pictures come with their error.

        Arguments:
            pictures: names and bytes, as `showtell.data.images` reads them.
            batch_size: pictures that go through the networks at once.
            workers: decoding threads; None for one per available core.
            options: as for `caption`.
        """
        chosen = self.search_options(**options)
        stream = prepared(pictures, self.encoder.info.preprocessing, ahead=4 * batch_size, workers=workers)
        return self._caption_prepared(stream, batch_size, chosen)

    def search_options(self, **options: Any) -> SearchOptions:
        """The model's search defaults with some fields replaced; an `InputError` names one that does not exist.

        Asking for more captions than the beam is wide widens the beam, unless a beam was asked for too.
        """
        if unknown := sorted(set(options) - set(SearchOptions.__dataclass_fields__)):
            raise InputError(
                f"there is no option {unknown[0]!r}: there are {', '.join(SearchOptions.__dataclass_fields__)}"
            )
        wanted = options.get("num_captions", self.options.num_captions)
        if "beam" not in options and not options.get("sample") and isinstance(wanted, int):
            options["beam"] = max(self.options.beam, wanted)
        return replace(self.options, **options)

    def embed(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embeddings, as the decoder takes them, of squares `uint8 (B, S, S, 3)` (see `showtell.image.square`)."""
        return self.encoder(squares, self.bundle.model["output"])

    def _caption_list(self, pictures: Sequence[Picture], batch_size: int, options: SearchOptions) -> list[Caption]:
        captions: list[Caption] = []
        for begin in range(0, len(pictures), batch_size):
            squares = []
            for i, picture in enumerate(pictures[begin : begin + batch_size], begin):
                try:
                    squares.append(square(decode(picture), self.encoder.info.preprocessing))
                except PictureError as error:
                    raise PictureError(f"{_called(picture, i)}: {error}") from error
            captions += self._caption_squares(np.stack(squares), options, begin)
        return captions

    def _caption_prepared(
        self, stream: Generator[Prepared, None, None], batch_size: int, options: SearchOptions
    ) -> Iterator[Captioned]:
        waiting: list[Prepared] = []
        done = 0

        def captioned() -> Iterator[Captioned]:
            squares = [picture.square for picture in waiting if picture.square is not None]
            captions = iter(self._caption_squares(np.stack(squares), options, done) if squares else [])
            for picture in waiting:
                yield Captioned(picture.name, None if picture.square is None else next(captions), picture.error)

        try:
            failure: ShowtellError | None = None
            while failure is None:
                try:
                    picture = next(stream, None)
                except ShowtellError as error:  # the source ends early: what was read is captioned first
                    failure, picture = error, None
                if picture is not None:
                    waiting.append(picture)
                if waiting and (picture is None or len(waiting) == batch_size):
                    yield from captioned()
                    done += sum(item.square is not None for item in waiting)
                    waiting = []
                if picture is None:
                    break
            if failure is not None:
                raise failure
        finally:
            stream.close()

    def _caption_squares(self, squares: npt.NDArray[np.uint8], options: SearchOptions, first: int) -> list[Caption]:
        found = search(self.decoder, self.embed(squares), self.bundle.vocabulary, options, first=first)
        return [self._to_caption(hypotheses) for hypotheses in found]

    def _to_caption(self, hypotheses: list[Hypothesis]) -> Caption:
        captions = []
        for hypothesis in hypotheses:
            entries = [self.bundle.vocabulary.entries[token] for token in hypothesis.tokens]
            pairs = zip(entries, hypothesis.log_probs, strict=True)
            words = tuple(Word(word, math.exp(log_prob)) for word, log_prob in pairs)
            captions.append(Caption(" ".join(entries), hypothesis.score, words))
        return replace(captions[0], alternatives=tuple(captions[1:]))


def default_model() -> Path:
    """The bundle that comes with the package."""
    return Path(str(resources.files("showtell") / "models" / DEFAULT_MODEL))


def _called(picture: Picture, index: int) -> str:
    return str(picture) if isinstance(picture, (str, Path)) else f"picture {index}"
