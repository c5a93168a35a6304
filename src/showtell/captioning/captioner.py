"""`Captioner`: pictures in, captions out. It needs only ONNX Runtime, NumPy and Pillow.

from showtell import Captioner

captioner = Captioner()                        # the model that comes with the package
captioner.caption("photo.jpg").text            # 'a dog runs through the grass'
captioner.caption(["a.jpg", image, array])     # a list of captions, in batches

`showtell.embeddings.pipeline` decodes, resizes and embeds the pictures. The captioner's `generator`
(`showtell.captioning.generator`) writes captions for the embeddings.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Unpack, overload

import numpy as np
import numpy.typing as npt

from showtell.captioning.caption import NOT_SURE, Caption, Captioned, Word
from showtell.captioning.generator import CaptionGenerator
from showtell.captioning.options import CaptionKeywords, CaptionOptions
from showtell.data.sources.base import RawPicture
from showtell.embeddings.pipeline import Embedded, embedded, in_batches
from showtell.errors import PictureError
from showtell.files import sha256_of
from showtell.images.decode import Picture
from showtell.images.preprocessing import ResizeMode, fitted
from showtell.models.bundle import SUMS, Bundle
from showtell.models.names import DEFAULT_MODEL, default_model
from showtell.search import SearchOptions

__all__ = ["DEFAULT_MODEL", "NOT_SURE", "Caption", "Captioned", "Captioner", "Word", "default_model"]

_AHEAD = 4  # pictures that each thread reads and embeds ahead of the consumer


class _Numbered(NamedTuple):
    """A picture of a stream and its position."""

    place: int
    picture: Embedded


class Captioner:
    """A model or an ensemble of models, loaded and ready. Several threads may share one instance.

    Its `encoder` turns pictures into embeddings. Its `generator` turns embeddings into captions.
    """

    def __init__(
        self,
        model: str | Path | Sequence[str | Path] | None = None,
        *,
        resize: ResizeMode | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a model.

        Arguments:
            model: a bundle (file or folder) or the name of one (see `showtell.models.names`); None for the default
                model. Several caption together as an ensemble (see `showtell.models.ensemble`). They need the same
                encoder and vocabulary; search defaults and resizing come from the first one.
            resize: how pictures are made square, instead of the model's own way.
            threads: number of threads that read pictures and run the networks; None for one per available core.

        Raises:
            BundleError: a bundle is missing or damaged, or the bundles cannot form an ensemble.
        """
        self.generator = CaptionGenerator(model, any_resize=resize is not None)
        self.encoder = self.bundle.encoder(resize=resize, threads=threads)

    def __repr__(self) -> str:
        return f"Captioner({self.name!r})"

    @property
    def bundle(self) -> Bundle:
        """The model's bundle; for an ensemble, the first one."""
        return self.generator.bundle

    @property
    def name(self) -> str:
        """The model's name, or those of an ensemble's models."""
        return self.generator.name

    def caption_options(
        self, options: CaptionOptions | None = None, **keywords: Unpack[CaptionKeywords]
    ) -> CaptionOptions:
        """All options of captioning as one value, which every method takes as `options`.

        Arguments:
            options: options to check against this model; None for the model's own, changed by `keywords`.
            keywords: fields of `CaptionOptions` and of its search options.

        Raises:
            InputError: an option does not exist (the message suggests similar names), is out of range, or asks for what
                this model cannot do.
        """
        return self.generator.caption_options(options, **keywords)

    @overload
    def caption(  # type: ignore[overload-overlap]  # a path, too, is a sequence of str, and the first one holds
        self,
        pictures: Picture,
        *,
        batch_size: int = 32,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> Caption: ...

    @overload
    def caption(
        self,
        pictures: Sequence[Picture],
        *,
        batch_size: int = 32,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> list[Caption]: ...

    def caption(
        self,
        pictures: Picture | Sequence[Picture],
        *,
        batch_size: int = 32,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> Caption | list[Caption]:
        """Caption one picture, or a list of pictures in batches.

        Arguments:
            pictures: a path, bytes, PIL image or array (see `showtell.images.decode.decode`), or a list of these.
            batch_size: pictures whose sentences are written at once.
            options: all options as one value, from `caption_options`; or use keywords instead.
            keywords: fields of `showtell.captioning.options.CaptionOptions` (`attention`, `min_confidence`, `guide`)
                and of `showtell.search.SearchOptions` that differ from the model's defaults, such as `beam=1` (greedy),
                `num_captions=3`, or `sample=True, temperature=0.7, seed=1`.

        Raises:
            PictureError: a picture cannot be read; the message names it. Use `caption_stream` to caption the readable
                pictures and get the errors of the others.
            InputError: an option is unknown or out of range, or the model lacks the attention, calibration or tags that
                an option needs.
        """
        chosen = self.caption_options(options, **keywords)
        if isinstance(pictures, (list, tuple)):
            return self.caption_batch(pictures, batch_size=batch_size, options=chosen)
        return self.caption_batch([pictures], options=chosen)[0]  # type: ignore[list-item]

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        batch_size: int = 32,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> list[Caption]:
        """Caption a list of pictures; arguments and errors as for `caption`."""
        chosen = self.caption_options(options, **keywords)
        captions: list[Caption] = []
        for begin in range(0, len(pictures), batch_size):
            embeddings = self.embed(self._squares(pictures[begin : begin + batch_size], begin))
            captions += self.generator.generate(embeddings, chosen, first=begin)
        return captions

    def caption_stream(
        self,
        pictures: Iterable[RawPicture | Picture],
        *,
        batch_size: int = 32,
        threads: int | None = None,
        first: int = 0,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> Iterator[Captioned]:
        """Caption a stream of any length in constant memory and in its order. Unreadable pictures yield their errors.

        Arguments:
            pictures: any iterable, even an endless one, of what `caption` takes, or of names and bytes as
                `showtell.data.sources.picture_source` reads them. A path is its own name; other pictures are named
                `picture 0` and so on.
            batch_size: pictures whose sentences are written at once.
            threads: number of threads that read, embed and write; None for the captioner's own number.
            first: position of the first picture in the longer run that this is a piece of; it seeds sampling.
            options: as for `caption`.
            keywords: as for `caption`.
        """
        chosen = self.caption_options(options, **keywords)
        threads = threads or self.encoder.threads
        stream = embedded(pictures, self.encoder, self.bundle.model["output"], ahead=_AHEAD * threads, workers=threads)
        numbered = _numbered(stream, first)
        return in_batches(numbered, partial(self._caption_embedded, chosen), size=batch_size, workers=threads)

    def _caption_embedded(self, options: CaptionOptions, batch: Sequence[_Numbered]) -> list[Captioned]:
        """Caption the pictures of a batch that have embeddings; the others keep their errors."""
        embeddings = [one.picture.embedding for one in batch if one.picture.embedding is not None]
        places = [one.place for one in batch if one.picture.embedding is not None]
        captions = iter(self.generator.generate(np.stack(embeddings), options, first=places) if embeddings else [])
        return [
            Captioned(
                one.picture.name or f"picture {one.place}",
                None if one.picture.embedding is None else next(captions),
                one.picture.error,
                one.picture.source,
            )
            for one in batch
        ]

    def caption_embeddings(
        self,
        embeddings: npt.NDArray[np.float32],
        *,
        first: int = 0,
        options: CaptionOptions | None = None,
        **keywords: Unpack[CaptionKeywords],
    ) -> list[Caption]:
        """Caption pictures from their embeddings.

        Arguments:
            embeddings: from `embed` or from a store: `float32 (B, D)` or `(B, L, D)`.
            first: position of the first one in the whole run; it seeds sampling.
            options: as for `caption`.
            keywords: as for `caption`.
        """
        return self.generator.generate(embeddings, self.caption_options(options, **keywords), first=first)

    def embed(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embeddings for the decoder of squares `uint8 (B, S, S, 3)` (see `showtell.images.preprocessing.square`)."""
        return self.encoder(squares, self.bundle.model["output"])

    def embed_pictures(self, pictures: Sequence[Picture], *, batch_size: int = 32) -> npt.NDArray[np.float32]:
        """Embeddings for the decoder, from any pictures: `float32 (B, D)` or, for a grid, `(B, L, D)`.

        Arguments:
            pictures: as for `caption`.
            batch_size: pictures that go through the network at once.

        Raises:
            PictureError: a picture cannot be read; the message names it.
        """
        shape = self.encoder.info.shape(self.bundle.model["output"])
        embeddings = np.empty((len(pictures), *shape), np.float32)
        for begin in range(0, len(pictures), batch_size):
            squares = self._squares(pictures[begin : begin + batch_size], begin)
            embeddings[begin : begin + len(squares)] = self.embed(squares)
        return embeddings

    def _squares(self, pictures: Sequence[Picture], first: int) -> npt.NDArray[np.uint8]:
        squares = []
        for i, picture in enumerate(pictures, first):
            try:
                squares.append(fitted(picture, self.encoder.info.preprocessing))
            except PictureError as error:
                name = _name_of(picture, i)  # which the error of a path has already
                raise PictureError(str(error) if str(error).startswith(f"{name}: ") else f"{name}: {error}") from error
        return np.stack(squares)


def _numbered(stream: Generator[Embedded, None, None], first: int) -> Generator[_Numbered, None, None]:
    with closing(stream):
        for place, picture in enumerate(stream, first):
            yield _Numbered(place, picture)


def _name_of(picture: Picture, index: int) -> str:
    return str(picture) if isinstance(picture, (str, Path)) else f"picture {index}"


def fingerprint(captioner: Captioner, search: SearchOptions, **further: Any) -> str:
    """SHA-256 of the models, the preprocessing, the search options and `further` values."""
    value = {
        "models": [sha256_of(bundle.parts[SUMS]) for bundle in captioner.generator.bundles],
        "preprocessing": captioner.encoder.info.preprocessing.to_json(),
        "search": search.to_json(),
        **further,
    }
    return sha256_of(json.dumps(value, sort_keys=True).encode())
