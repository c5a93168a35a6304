"""Embeddings in, captions out: the search, and all that is said of what it found.

Beside the sentence a `Caption` tells how sure the model is, what it sees (tags, which may lead to another sentence),
and where it looked for each word.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np

from showtell.captioning.attention import attention_maps
from showtell.captioning.caption import NOT_SURE, Caption, Word
from showtell.captioning.confidence import ConfidenceEstimator, SentenceConfidence, calibration_of
from showtell.captioning.tags import tagger_of
from showtell.captioning.tags.guide import Guide, Guiding, Told, as_it_is
from showtell.errors import InputError
from showtell.models.bundle import Bundle, read_bundle
from showtell.models.ensemble import Ensemble, check_fit
from showtell.models.names import default_model, find_model
from showtell.search import Floats, Hypothesis, SearchOptions, check_words, search

Describe: TypeAlias = Callable[[Floats, int | Sequence[int]], list[Caption]]
"""From embeddings and their places in the whole run, or that of the first, to their captions."""


class Writer:
    """The decoder of a model, or of an ensemble of models, with what its captions are judged and led by."""

    def __init__(self, model: str | Path | Sequence[str | Path] | None = None, *, any_resize: bool = False) -> None:
        """Load a model; `model` and errors as for `showtell.Captioner`.

        Arguments:
            model: a bundle, a name, or several.
            any_resize: whether models of an ensemble may make pictures square in different ways.
        """
        paths = [default_model()] if model is None else [model] if isinstance(model, (str, Path)) else list(model)
        if not paths:
            raise InputError("there is no model in an empty list of models: name one")
        self.bundles = tuple(read_bundle(find_model(path)) for path in paths)
        self.bundle: Bundle = self.bundles[0]
        check_fit(self.bundles, any_resize=any_resize)
        decoders = [bundle.decoder(threads=1) for bundle in self.bundles]
        self.decoder = decoders[0] if len(decoders) == 1 else Ensemble(decoders)
        self.options = self.bundle.search_options()
        # A calibration is of one model, and says nothing of an ensemble.
        calibration = calibration_of(self.bundle) if len(self.bundles) == 1 else None
        self.judge = ConfidenceEstimator(calibration, self.decoder, self.bundle.vocabulary) if calibration else None
        self.tagger = tagger_of(self.bundle)
        fitted = self.tagger.calibration if self.tagger else None
        self.guide = Guide(self.decoder, self.bundle.vocabulary, self.tagger.names) if self.tagger and fitted else None
        self.guides = bool(fitted and fitted.guide)

    @property
    def name(self) -> str:
        """The model's name, or those of an ensemble's models."""
        return " + ".join(bundle.name for bundle in self.bundles)

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
        return self.describer(attention, min_confidence, guide, options)(embeddings, first)

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
            raise InputError(f"{self.name}: has no calibrated tags to guide captions by: see docs/guide/tags.md")
        return guide == "always" or (guide == "auto" and self.guides)

    def require_attention(self) -> None:
        """Raise an `InputError` where this model cannot say where it looks."""
        if not self.decoder.attends:
            decoders = self.decoder.decoders if isinstance(self.decoder, Ensemble) else (self.decoder,)
            blind = next(b for b, decoder in zip(self.bundles, decoders, strict=True) if not decoder.attends)
            kind = blind.model["decoder"]["kind"]
            raise InputError(f"{blind.path}: cannot say where it looks, its decoder is {kind}")

    def describer(self, attention: bool, min_confidence: float, guide: Guiding, options: dict[str, Any]) -> Describe:
        """What captions embeddings in one way; arguments and errors as for `caption_embeddings`."""
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
        temperature = self.judge.temperature if self.judge else None
        found = search(
            self.decoder, embeddings, self.bundle.vocabulary, options, first=first, calibration_temperature=temperature
        )
        judged = self.judge(embeddings, found) if self.judge else None
        seen = self.tagger.probabilities(embeddings) if self.tagger else None
        told = [[as_it_is(one, self.bundle.vocabulary) for one in hypotheses] for hypotheses in found]
        if guiding and self.guide and seen is not None:
            sure = [best.confidence for best, *_ in judged] if judged else [None] * len(found)
            led = self.guide(embeddings, seen, found, sure, options)
            for row, sentences in led.items():
                told[row] = sentences
            if led and judged and self.judge:
                again = [[one.hypothesis for one in sentences] for sentences in led.values()]
                for row, of_row in zip(led, self.judge(embeddings[list(led)], again), strict=True):
                    judged[row] = of_row
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


def _to_caption(told: Told, looked: Floats | None, judged: SentenceConfidence | None) -> Caption:
    maps = itertools.repeat(None) if looked is None else looked
    log_probs = judged.log_probs if judged else told.hypothesis.log_probs
    triples = zip(told.words, log_probs, maps, strict=looked is not None)
    words = tuple(Word(word, math.exp(log_prob), attention) for word, log_prob, attention in triples)
    caption = Caption(" ".join(told.words), told.hypothesis.score, words, guided=told.guided)
    return replace(caption, confidence=judged.confidence, unfamiliar=judged.unfamiliar) if judged else caption


def _held_to(least: float, caption: Caption) -> Caption:
    """The caption, or one that says that it is not sure of it; the same of its alternatives."""
    alternatives = tuple(_held_to(least, one) for one in caption.alternatives)
    if caption.confidence is None or caption.confidence >= least:
        return replace(caption, alternatives=alternatives)
    return replace(caption, text=NOT_SURE, guess=caption.text, alternatives=alternatives)
