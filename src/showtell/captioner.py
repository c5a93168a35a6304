"""The front door: pictures in, captions out. Runs on ONNX Runtime, NumPy and Pillow alone.

from showtell import Captioner

captioner = Captioner()                        # the model that comes with the package
captioner.caption("photo.jpg").text            # 'a dog runs through the grass'
captioner.caption(["a.jpg", image, array])     # a list of captions, in batches
"""

import itertools
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, get_args, overload

import numpy as np
import numpy.typing as npt

from showtell.attention import attention_maps
from showtell.bundle import Bundle, read_bundle
from showtell.caption import NOT_SURE, Caption, Captioned, Word
from showtell.confidence import Judge, Judgement
from showtell.data.images import RawPicture
from showtell.ensemble import Ensemble, check_fit
from showtell.errors import InputError, PictureError
from showtell.image import Picture, ResizeMode, fitted
from showtell.model_names import find_model
from showtell.pipeline import Embedded, embedded, in_batches
from showtell.search import Floats, Hypothesis, SearchOptions, check_words, search
from showtell.tags.guide import Guide, Guiding, Told, as_it_is

__all__ = ["DEFAULT_MODEL", "NOT_SURE", "Caption", "Captioned", "Captioner", "Word", "default_model"]

DEFAULT_MODEL = "flickr8k.showtell"

_Describe: TypeAlias = Callable[[Floats, int | Sequence[int]], list["Caption"]]
"""From embeddings and their places in the whole run, or that of the first, to their captions."""


_AHEAD = 4  # pictures that are read and embedded ahead of those that are asked for, for every thread


class _Numbered(NamedTuple):
    """A picture of a stream, and its place."""

    place: int
    picture: Embedded


class Captioner:
    """A model, or an ensemble of models, loaded and ready. One instance may be used from several threads."""

    def __init__(
        self,
        model: str | Path | Sequence[str | Path] | None = None,
        *,
        resize: ResizeMode | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a model.

        Arguments:
            model: a bundle, file or folder, or the name of one (see `showtell.model_names`); None for the one that
                comes with the package. Several write together as an ensemble (see `showtell.ensemble`); they need the
                same encoder and vocabulary, and the first one's search defaults and resizing hold.
            resize: how pictures are made square, where it shall differ from the model's own way.
            threads: threads that read pictures and run the networks; None for one per available core.

        Raises:
            BundleError: a bundle is missing or damaged, or bundles do not go together.
        """
        paths = [default_model()] if model is None else [model] if isinstance(model, (str, Path)) else list(model)
        if not paths:
            raise InputError("there is no model in an empty list of models: name one")
        self.bundles = tuple(read_bundle(find_model(path)) for path in paths)
        self.bundle: Bundle = self.bundles[0]
        check_fit(self.bundles, any_resize=resize is not None)
        decoders = [bundle.decoder(threads=1) for bundle in self.bundles]
        self.encoder = self.bundle.encoder(resize=resize, threads=threads)
        self.decoder = decoders[0] if len(decoders) == 1 else Ensemble(decoders)
        self.options = self.bundle.search_options()
        # A calibration is of one model, and says nothing of an ensemble.
        calibration = self.bundle.calibration() if len(self.bundles) == 1 else None
        self.judge = Judge(calibration, self.decoder, self.bundle.vocabulary) if calibration else None
        self.tagger = self.bundle.tagger()
        fitted = self.tagger.calibration if self.tagger else None
        self.guide = Guide(self.decoder, self.bundle.vocabulary, self.tagger.names) if self.tagger and fitted else None
        self.guides = bool(fitted and fitted.guide)

    @property
    def name(self) -> str:
        """The model's name, or those of an ensemble's models."""
        return " + ".join(bundle.name for bundle in self.bundles)

    @overload
    def caption(
        self,
        pictures: Picture,
        *,
        batch_size: int = 32,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> Caption: ...

    @overload
    def caption(
        self,
        pictures: Sequence[Picture],
        *,
        batch_size: int = 32,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> list[Caption]: ...

    def caption(
        self,
        pictures: Picture | Sequence[Picture],
        *,
        batch_size: int = 32,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> Caption | list[Caption]:
        """Caption one picture, or a list of pictures in batches.

        Arguments:
            pictures: a path, bytes, PIL image or array (see `showtell.image.decode`), or a list of these.
            batch_size: pictures whose sentences are written at once.
            attention: give each word where the model looked for it; every sentence is then written once more.
            min_confidence: say `NOT_SURE` instead of a sentence of less confidence, in [0, 1].
            guide: whether captions must name what is surely seen: `always`, `off`, or as the model itself has it.
            options: fields of `showtell.search.SearchOptions` that differ from the model's defaults, such as `beam=1`
                (greedy), `num_captions=3`, or `sample=True, temperature=0.7, seed=1`.

        Raises:
            PictureError: a picture cannot be read; the message names which. To caption what can be read and be told of
                the rest, use `caption_stream`.
            InputError: an option is unknown or out of range, or the model cannot say where it looks or how sure it is,
                or has no tags to be guided by.
        """
        asked = {"attention": attention, "min_confidence": min_confidence, "guide": guide} | options
        if isinstance(pictures, (list, tuple)):
            return self.caption_batch(pictures, batch_size=batch_size, **asked)
        return self.caption_batch([pictures], **asked)[0]  # type: ignore[list-item]

    def caption_batch(
        self,
        pictures: Sequence[Picture],
        *,
        batch_size: int = 32,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> list[Caption]:
        """Caption any number of pictures that are at hand; arguments and errors as for `caption`."""
        describe = self._describer(attention, min_confidence, guide, options)
        captions: list[Caption] = []
        for begin in range(0, len(pictures), batch_size):
            captions += describe(self.embed(self._squares(pictures[begin : begin + batch_size], begin)), begin)
        return captions

    def caption_stream(
        self,
        pictures: Iterable[RawPicture | Picture],
        *,
        batch_size: int = 32,
        threads: int | None = None,
        first: int = 0,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> Iterator[Captioned]:
        """Caption a stream of any length in constant memory, in its order; unreadable pictures come with their error.

        Arguments:
            pictures: any iterable, also one without an end, of what `caption` takes, or of names and bytes as
                `showtell.data.images` reads them. A path's name is the path, others are named `picture 0` and so on.
            batch_size: pictures whose sentences are written at once.
            threads: threads that read, embed and write; None for the captioner's own number.
            first: place of the first picture in a longer run that this is a piece of, which seeds sampling.
            attention: as for `caption`.
            min_confidence: as for `caption`.
            guide: as for `caption`.
            options: as for `caption`.
        """
        describe = self._describer(attention, min_confidence, guide, options)
        threads = threads or self.encoder.threads
        stream = embedded(pictures, self.encoder, self.bundle.model["output"], ahead=_AHEAD * threads, workers=threads)
        return in_batches(_numbered(stream, first), partial(_captioned, describe), size=batch_size, workers=threads)

    def search_options(self, **options: Any) -> SearchOptions:
        """The model's search defaults with some fields replaced; an `InputError` tells what is wrong with one.

        Unless a beam is asked for too, it widens where more captions are, and where they shall differ every group of
        them gets a beam as wide as the model's own.
        """
        if unknown := sorted(set(options) - set(SearchOptions.__dataclass_fields__)):
            raise InputError(
                f"there is no option {unknown[0]!r}: there are {', '.join(SearchOptions.__dataclass_fields__)}"
            )
        if "beam" not in options and not options.get("sample"):
            options["beam"] = self._beam_for(options)
        chosen = replace(self.options, **options)
        check_words(chosen, self.bundle.vocabulary)
        return chosen

    def _beam_for(self, options: dict[str, Any]) -> int:
        names = ("num_captions", "diversity", "groups")
        wanted, diversity, groups = (options.get(name, getattr(self.options, name)) for name in names)
        groups = max(1, groups or wanted) if diversity else 1
        width = max(self.options.beam // self.options.beam_groups, math.ceil(wanted / groups))
        return int(groups * width)

    def embed(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Embeddings, as the decoder takes them, of squares `uint8 (B, S, S, 3)` (see `showtell.image.square`)."""
        return self.encoder(squares, self.bundle.model["output"])

    def embed_pictures(self, pictures: Sequence[Picture], *, batch_size: int = 32) -> npt.NDArray[np.float32]:
        """Embeddings, as the decoder takes them, of any pictures: `float32 (B, D)` or, of a grid, `(B, L, D)`.

        Arguments:
            pictures: as for `caption`.
            batch_size: pictures that go through the network at once.

        Raises:
            PictureError: a picture cannot be read; the message names which.
        """
        shape = self.encoder.info.shape(self.bundle.model["output"])
        embeddings = np.empty((len(pictures), *shape), np.float32)
        for begin in range(0, len(pictures), batch_size):
            squares = self._squares(pictures[begin : begin + batch_size], begin)
            embeddings[begin : begin + len(squares)] = self.embed(squares)
        return embeddings

    def caption_embeddings(
        self,
        embeddings: Floats,
        *,
        first: int = 0,
        attention: bool = False,
        min_confidence: float = 0.0,
        guide: Guiding = "auto",
        **options: Any,
    ) -> list[Caption]:
        """Caption pictures that are embedded already.

        Arguments:
            embeddings: as `embed` gives them, or a store: `float32 (B, D)` or `(B, L, D)`.
            first: place of the first one in the whole run, which seeds sampling.
            attention: as for `caption`.
            min_confidence: as for `caption`.
            guide: as for `caption`.
            options: as for `caption`.
        """
        return self._describer(attention, min_confidence, guide, options)(embeddings, first)

    def _squares(self, pictures: Sequence[Picture], first: int) -> npt.NDArray[np.uint8]:
        squares = []
        for i, picture in enumerate(pictures, first):
            try:
                squares.append(fitted(picture, self.encoder.info.preprocessing))
            except PictureError as error:
                raise PictureError(f"{_called(picture, i)}: {error}") from error
        return np.stack(squares)

    def require_confidence(self, least: float) -> None:
        """Raise an `InputError` where captions of this model cannot be held to a least confidence of `least`."""
        if not 0 <= least <= 1:
            raise InputError(f"the least confidence must lie in [0, 1], not be {least:g}")
        if least and not (self.judge and self.judge.calibration.quality):
            raise InputError(f"{self.name}: does not know how sure it is: run showtell calibrate on the model first")

    def guiding(self, guide: Guiding) -> bool:
        """Whether captions are guided by tags; an `InputError` where they always shall and this model cannot."""
        if guide not in get_args(Guiding):
            raise InputError(f"guide must be one of {', '.join(get_args(Guiding))}, not {guide!r}")
        if guide == "always" and not self.guide:
            raise InputError(f"{self.name}: has no calibrated tags to guide captions by: see docs/tags.md")
        return guide == "always" or (guide == "auto" and self.guides)

    def require_attention(self) -> None:
        """Raise an `InputError` where this model cannot say where it looks."""
        if not self.decoder.attends:
            decoders = self.decoder.decoders if isinstance(self.decoder, Ensemble) else (self.decoder,)
            blind = next(b for b, decoder in zip(self.bundles, decoders, strict=True) if not decoder.attends)
            kind = blind.model["decoder"]["kind"]
            raise InputError(f"{blind.path}: cannot say where it looks, its decoder is {kind}")

    def _describer(self, attention: bool, min_confidence: float, guide: Guiding, options: dict[str, Any]) -> _Describe:
        self.require_confidence(min_confidence)
        if attention:
            self.require_attention()
        search_options, guiding = self.search_options(**options), self.guiding(guide)

        def describe(embeddings: Floats, first: int | Sequence[int]) -> list[Caption]:
            captions = self._describe_embeddings(search_options, attention, guiding, embeddings, first)
            return [_held_to(min_confidence, caption) for caption in captions]

        return describe

    def _describe_embeddings(
        self, options: SearchOptions, attention: bool, guiding: bool, embeddings: Floats, first: int | Sequence[int]
    ) -> list[Caption]:
        judge_at = self.judge.temperature if self.judge else None
        found = search(self.decoder, embeddings, self.bundle.vocabulary, options, first=first, judge_at=judge_at)
        judged = self.judge(embeddings, found) if self.judge else None
        seen = self.tagger.probabilities(embeddings) if self.tagger else None
        told = [[as_it_is(one, self.bundle.vocabulary) for one in hypotheses] for hypotheses in found]
        if guiding and self.guide and seen is not None:
            sure = [best.confidence for best, *_ in judged] if judged else [None] * len(found)
            for row, sentences in self.guide(embeddings, seen, found, sure, options).items():
                told[row] = sentences
                if judged and self.judge:
                    (judged[row],) = self.judge(embeddings[row : row + 1], [[one.hypothesis for one in sentences]])
        said = [[one.hypothesis for one in sentences] for sentences in told]
        looked = self._looked(embeddings, said) if attention else itertools.repeat(None)
        judgements = itertools.chain.from_iterable(judged) if judged else itertools.repeat(None)
        captions = ([_to_caption(one, next(looked), next(judgements)) for one in sentences] for sentences in told)
        tags = map(self.tagger.tags, seen) if self.tagger and seen is not None else itertools.repeat(())
        return [
            replace(best, alternatives=tuple(others), tags=of_picture)
            for (best, *others), of_picture in zip(captions, tags, strict=False)
        ]

    def _looked(self, embeddings: Floats, found: list[list[Hypothesis]]) -> Iterator[Floats]:
        """The attention to each word of every hypothesis, one after the other."""
        of = np.repeat(np.arange(len(found)), [len(hypotheses) for hypotheses in found])
        sentences = [hypothesis.tokens for hypotheses in found for hypothesis in hypotheses]
        return iter(attention_maps(self.decoder, embeddings[of], sentences, self.bundle.vocabulary.start))


def _to_caption(told: Told, looked: Floats | None, judged: Judgement | None) -> Caption:
    maps = itertools.repeat(None) if looked is None else looked
    log_probs = judged.log_probs if judged else told.hypothesis.log_probs
    triples = zip(told.words, log_probs, maps, strict=looked is not None)
    words = tuple(Word(word, math.exp(log_prob), attention) for word, log_prob, attention in triples)
    caption = Caption(" ".join(told.words), told.hypothesis.score, words, guided=told.guided)
    return replace(caption, confidence=judged.confidence, unfamiliar=judged.unfamiliar) if judged else caption


def _numbered(stream: Generator[Embedded, None, None], first: int) -> Generator[_Numbered, None, None]:
    with closing(stream):
        for place, picture in enumerate(stream, first):
            yield _Numbered(place, picture)


def _captioned(describe: _Describe, batch: Sequence[_Numbered]) -> list[Captioned]:
    embeddings = [one.picture.embedding for one in batch if one.picture.embedding is not None]
    places = [one.place for one in batch if one.picture.embedding is not None]
    captions = iter(describe(np.stack(embeddings), places) if embeddings else [])
    return [
        Captioned(
            one.picture.name or f"picture {one.place}",
            None if one.picture.embedding is None else next(captions),
            one.picture.error,
        )
        for one in batch
    ]


def default_model() -> Path:
    """The bundle that comes with the package."""
    return Path(str(resources.files("showtell") / "models" / DEFAULT_MODEL))


def _held_to(least: float, caption: Caption) -> Caption:
    """The caption, or one that says that it is not sure of it; the same of its alternatives."""
    alternatives = tuple(_held_to(least, one) for one in caption.alternatives)
    if caption.confidence is None or caption.confidence >= least:
        return replace(caption, alternatives=alternatives)
    return replace(caption, text=NOT_SURE, guess=caption.text, alternatives=alternatives)


def _called(picture: Picture, index: int) -> str:
    return str(picture) if isinstance(picture, (str, Path)) else f"picture {index}"
