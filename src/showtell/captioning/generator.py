"""Embeddings in, captions out: search, confidence, tags and attention.

Besides its sentence, a `Caption` has the model's confidence, tags (which may lead to another sentence), and the
attention to each word.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np
import numpy.typing as npt

from showtell.captioning.attention import attention_maps
from showtell.captioning.caption import NOT_SURE, Caption, Word
from showtell.captioning.confidence import ConfidenceEstimator, SentenceConfidence, calibration_of
from showtell.captioning.memory import pictures_at_once
from showtell.captioning.minimum_risk import MinimumRiskSelection
from showtell.captioning.options import CaptionKeywords, CaptionOptions, SearchKeywords, check_names
from showtell.captioning.tags import tagger_of
from showtell.captioning.tags.agreement import TagAgreement
from showtell.captioning.tags.guide import DecodedSentence, TagGuide, decoded
from showtell.errors import BundleError, InputError
from showtell.models.bundle import Bundle, read_bundle
from showtell.models.ensemble import Ensemble, check_fit
from showtell.models.names import default_model, find_model
from showtell.onnx_graphs.session import available_cores
from showtell.search import Floats, SearchOptions, check_words, search
from showtell.text import Vocabulary


class CaptionGenerator:
    """The decoder of a model or an ensemble, with its confidence estimator and its tags."""

    def __init__(self, model: str | Path | Sequence[str | Path] | None = None, *, any_resize: bool = False) -> None:
        """Load a model; errors as for `showtell.Captioner`.

        Arguments:
            model: as for `showtell.Captioner`.
            any_resize: whether models of an ensemble may make pictures square in different ways.
        """
        paths = [default_model()] if model is None else [model] if isinstance(model, (str, Path)) else list(model)
        if not paths:
            raise InputError("the list of models is empty: name at least one")
        self.bundles = tuple(read_bundle(find_model(path)) for path in paths)
        self.bundle: Bundle = self.bundles[0]
        check_fit(self.bundles, any_resize=any_resize)
        decoders = [bundle.decoder(threads=1) for bundle in self.bundles]
        self.decoder = decoders[0] if len(decoders) == 1 else Ensemble(decoders)
        self.search_defaults = self.bundle.search_options()
        self.memory: int | None = None  # bytes for the keys and values of pictures; None for a share of what is free
        vocabulary = self.bundle.vocabulary
        # A calibration belongs to one model; it does not hold for an ensemble.
        calibration = calibration_of(self.bundle) if len(self.bundles) == 1 else None
        self.tagger = tagger_of(self.bundle)
        if calibration and calibration.tags and not self.tagger:
            raise BundleError(f"{self.bundle.path}: its confidence depends on tags, which it lacks: calibrate it again")
        agreement = TagAgreement(self.tagger) if self.tagger else None
        self.estimator = ConfidenceEstimator(calibration, self.decoder, vocabulary, agreement) if calibration else None
        fitted = self.tagger.calibration if self.tagger else None
        self.tag_guide = None
        if self.tagger and fitted and isinstance(vocabulary, Vocabulary):
            self.tag_guide = TagGuide(self.decoder, vocabulary, self.tagger.names)
        self.guides_by_default = bool(fitted and fitted.guide)
        self.careful = MinimumRiskSelection(self.decoder, vocabulary, self.tagger.names if self.tagger else ())

    @property
    def name(self) -> str:
        """The model's name, or those of an ensemble's models."""
        return " + ".join(bundle.name for bundle in self.bundles)

    @property
    def knows_confidence(self) -> bool:
        """Whether captions come with a confidence."""
        return bool(self.estimator and self.estimator.calibration.quality)

    def search_options(self, **keywords: Unpack[SearchKeywords]) -> SearchOptions:
        """The model's search defaults with some fields replaced.

        If no beam is given, it is as wide as the number of captions. For diverse captions, each group's beam is as wide
        as the model's own.

        Raises:
            InputError: an option does not exist or is out of range, or the vocabulary lacks a word that must appear.
        """
        check_names(keywords, SearchOptions.__dataclass_fields__)
        if "beam" not in keywords and not keywords.get("sample"):
            keywords["beam"] = self._beam_for(keywords)
        chosen = replace(self.search_defaults, **keywords)  # type: ignore[arg-type]  # it makes tuples of word lists
        check_words(chosen, self.bundle.vocabulary)
        return chosen

    def _beam_for(self, keywords: SearchKeywords) -> int:
        own = self.search_defaults
        wanted = keywords.get("num_captions", own.num_captions)
        groups = keywords.get("groups", own.groups)
        groups = max(1, groups or wanted) if keywords.get("diversity", own.diversity) else 1
        return groups * max(own.beam // own.beam_groups, math.ceil(wanted / groups))

    def caption_options(
        self, options: CaptionOptions | None = None, **keywords: Unpack[CaptionKeywords]
    ) -> CaptionOptions:
        """All options: those given, or the model's own with some fields replaced.

        Raises:
            InputError: as for `search_options`; the model lacks the attention, calibration or tags that an option
                needs; or both options and keywords are given.
        """
        if options is None:
            check_names(keywords, CaptionKeywords.__annotations__)
            searching = {name: value for name, value in keywords.items() if name in SearchKeywords.__annotations__}
            own = {name: value for name, value in keywords.items() if name not in searching}
            options = CaptionOptions(self.search_options(**searching), **own)  # type: ignore[arg-type]
        elif keywords:
            raise InputError(f"{', '.join(keywords)}: change it in the options, or leave the options out")
        self._check(options)
        return options

    def _check(self, options: CaptionOptions) -> None:
        """Raise an `InputError` if the model cannot do what the options ask."""
        if options.min_confidence and not self.knows_confidence:
            raise InputError(f"{self.name}: not calibrated, so it has no confidence: run showtell calibrate first")
        if options.attention and not self.decoder.attends:
            decoders = self.decoder.decoders if isinstance(self.decoder, Ensemble) else (self.decoder,)
            blind = next(b for b, decoder in zip(self.bundles, decoders, strict=True) if not decoder.attends)
            kind = blind.model["decoder"]["kind"]
            raise InputError(f"{blind.path}: has no attention, because its decoder is {kind}")
        if options.guide == "always" and not self.tag_guide:
            raise InputError(f"{self.name}: has no calibrated tags to guide captions: see docs/guide/tags.md")

    def guided(self, options: CaptionOptions) -> bool:
        """Whether these options guide captions by tags."""
        return options.guide == "always" or (options.guide == "auto" and self.guides_by_default)

    def generate(self, embeddings: Floats, options: CaptionOptions, *, first: int | Sequence[int] = 0) -> list[Caption]:
        """Caption pictures that are embedded already.

        Arguments:
            embeddings: `float32 (B, D)` or `(B, L, D)`.
            options: from `caption_options`.
            first: position of the first embedding in the whole run, or the position of each; it seeds sampling.
        """
        kept = self.bundle.bytes_per_picture
        at_once = pictures_at_once(kept, self.memory, available_cores()) if kept else len(embeddings)
        if len(embeddings) > at_once:
            places = range(first, first + len(embeddings)) if isinstance(first, int) else first
            pieces = [slice(begin, begin + at_once) for begin in range(0, len(embeddings), at_once)]
            return [one for of in pieces for one in self.generate(embeddings[of], options, first=list(places[of]))]
        temperature = self.estimator.temperature if self.estimator else None
        found = search(
            self.decoder,
            embeddings,
            self.bundle.vocabulary,
            options.search,
            first=first,
            calibration_temperature=temperature,
        )
        sentences = [[decoded(one, self.bundle.vocabulary) for one in hypotheses] for hypotheses in found]
        scores = self.tagger.scores(embeddings) if self.tagger else None
        of_names = scores.probabilities if scores else None
        words = [[one.words for one in of_picture] for of_picture in sentences]
        confidences = self.estimator(embeddings, found, words=words, tags=of_names) if self.estimator else None
        if self.guided(options) and self.tag_guide and scores:
            known = [best.confidence for best, *_ in confidences] if confidences else [None] * len(found)
            guided = self.tag_guide(embeddings, scores, found, known, options.search)
            self._replace(sentences, confidences, guided, embeddings, of_names)
        if options.careful:
            chosen = self.careful(embeddings, sentences, of_names, options.search)
            whole = [best.confidence for best, *_ in confidences or ()]
            self._replace(sentences, confidences, chosen, embeddings, of_names)
            if confidences:
                # It was fitted to whole captions: of a part it would state how little the part says.
                parts = zip(confidences, whole, strict=True)
                confidences = [[replace(part, confidence=sure) for part in of_row] for of_row, sure in parts]
        looks = self._looks(embeddings, sentences) if options.attention else itertools.repeat(None)
        each = itertools.chain.from_iterable(confidences) if confidences else itertools.repeat(None)
        captions = ([_to_caption(one, next(looks), next(each)) for one in of_picture] for of_picture in sentences)
        tags = map(self.tagger.tags, of_names) if self.tagger and of_names is not None else itertools.repeat(())
        return [
            _held_to(options.min_confidence, replace(best, alternatives=tuple(others), tags=of_picture))
            for (best, *others), of_picture in zip(captions, tags, strict=False)
        ]

    def _replace(
        self,
        sentences: list[list[DecodedSentence]],
        confidences: list[list[SentenceConfidence]] | None,
        guided: dict[int, list[DecodedSentence]],
        embeddings: Floats,
        of_names: npt.NDArray[np.float64] | None,
    ) -> None:
        """Replace the sentences of some rows by guided ones."""
        for row, of_row in guided.items():
            sentences[row] = of_row
        if guided and confidences and self.estimator:
            hypotheses = [[one.hypothesis for one in of_row] for of_row in guided.values()]
            words = [[one.words for one in of_row] for of_row in guided.values()]
            rows = list(guided)
            tags = None if of_names is None else of_names[rows]
            again = self.estimator(embeddings[rows], hypotheses, words=words, tags=tags)
            for row, confidence in zip(guided, again, strict=True):
                confidences[row] = confidence

    def _looks(self, embeddings: Floats, sentences: list[list[DecodedSentence]]) -> Iterator[Floats]:
        """The attention maps of every sentence, one sentence after another."""
        rows = np.repeat(np.arange(len(sentences)), [len(of_picture) for of_picture in sentences])
        tokens = [sentence.hypothesis.tokens for of_picture in sentences for sentence in of_picture]
        return iter(attention_maps(self.decoder, embeddings[rows], tokens, self.bundle.vocabulary))


def _to_caption(sentence: DecodedSentence, looks: Floats | None, confidence: SentenceConfidence | None) -> Caption:
    maps: Iterable[Floats | None] = itertools.repeat(None)
    if looks is not None:
        maps = looks if not sentence.pieces else _mean_looks(looks, sentence.pieces)
    log_probs = sentence.sums(confidence.log_probs if confidence else sentence.hypothesis.log_probs)
    triples = zip(sentence.words, log_probs, maps, strict=looks is not None)
    words = tuple(Word(word, math.exp(log_prob), attention) for word, log_prob, attention in triples)
    text = sentence.text or " ".join(sentence.words)
    caption = Caption(text, sentence.hypothesis.score, words, guided=sentence.guided)
    if confidence is None:
        return caption
    return replace(caption, confidence=confidence.confidence, unfamiliar=confidence.unfamiliar)


def _mean_looks(looks: Floats, pieces: Sequence[int]) -> Iterator[Floats]:
    """The mean map of each word's entries."""
    ends = np.cumsum(pieces).tolist()
    return (looks[end - count : end].mean(axis=0) for end, count in zip(ends, pieces, strict=True))


def _held_to(least: float, caption: Caption) -> Caption:
    """The caption and its alternatives, each as "not sure" if its confidence is below `least`."""
    alternatives = tuple(_held_to(least, one) for one in caption.alternatives)
    if caption.confidence is None or caption.confidence >= least:
        return replace(caption, alternatives=alternatives)
    return replace(caption, text=NOT_SURE, guess=caption.text, alternatives=alternatives)
