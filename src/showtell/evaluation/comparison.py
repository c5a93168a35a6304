"""Two systems and references -> a `Comparison`: what each says of the same pictures, and how its figures differ.

A system is a model, which captions the pictures, or a file of captions by any system.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from showtell._version import __version__
from showtell.captioning.captioner import Captioner
from showtell.captioning.options import CaptionKeywords
from showtell.data.captions.caption_set import CaptionSet, align
from showtell.data.captions.predictions import Pairs, Predictions, pair
from showtell.data.sources.base import Pictures
from showtell.errors import InputError
from showtell.evaluation.figures import Means
from showtell.evaluation.hallucination import chair, hallucination
from showtell.metrics import DocumentFrequency, Scores, score, signature_fields
from showtell.metrics.bootstrap import Summed
from showtell.metrics.comparison import Difference, compare
from showtell.models.names import SUFFIX, list_models
from showtell.progress import bar
from showtell.text import tokenize


@dataclass(frozen=True, slots=True)
class ComparedPicture:
    """One picture: the captions of both systems, its references, and the scores of each caption by metric."""

    name: str
    captions: tuple[str, str]
    references: tuple[str, ...]
    scores: tuple[dict[str, float], dict[str, float]]

    def gap(self, metric: str) -> float:
        """How much higher the second caption scores."""
        return self.scores[1][metric] - self.scores[0][metric]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same pictures. `figures` are by name; `signature` says how they were computed. `notes` say
    which pictures were left out, and how names were matched.
    """

    names: tuple[str, str]
    figures: dict[str, Difference]
    pictures: tuple[ComparedPicture, ...]
    signature: str
    notes: tuple[str, ...] = ()


def is_model(system: str) -> bool:
    """Whether a system is a model, by its name or suffix, rather than a file of captions."""
    path = Path(system)
    return path.suffix == SUFFIX or (path.is_dir() and (path / "model.json").exists()) or system in list_models()


def captions_of_model(
    system: str, pictures: Pictures, references: CaptionSet, *, show: bool = True, **options: Unpack[CaptionKeywords]
) -> tuple[str, Predictions]:
    """Caption the pictures that have references with a model.

    Arguments:
        system: a bundle or its name.
        pictures: the pictures.
        references: their references.
        show: show progress on stderr.
        options: options of captioning.

    Returns:
        The model's name, and its captions by picture.

    Raises:
        InputError: an option is wrong, no picture has references, or none can be read.
    """
    captioner = Captioner(system)
    chosen = captioner.caption_options(**options)
    names = pictures.names()
    wanted = set(align(names, references).names)
    captions, failed = {}, []
    with bar(f"captioning with {captioner.name}", len(wanted), "pictures", show=show) as tick:
        stream = pictures.read(skip=set(names) - wanted)
        for result in captioner.caption_stream(stream, options=chosen):
            if result.caption is None:
                failed.append((result.name, result.error))
            else:
                captions[result.name] = result.caption.text
            tick(1)
    if not captions:
        raise InputError(f"none of the pictures can be read, such as {failed[0][0]}: {failed[0][1]}")
    return captioner.name, Predictions(captions, captioner.name, tuple(failed))


def compare_captions(
    names: tuple[str, str],
    systems: tuple[Predictions, Predictions],
    references: CaptionSet,
    *,
    metrics: Collection[str] | None = None,
    document_frequency: DocumentFrequency | None = None,
    partial: bool = False,
    resamples: int = 1000,
    trials: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Compare the captions of two systems on the pictures that both have captioned.

    Arguments:
        names: of the systems; equal names get a number.
        systems: their captions, by picture.
        references: captions by people.
        metrics: names of metrics; None for the default ones.
        document_frequency: table of n-grams for CIDEr; counted from the references by default.
        partial: leave out pictures that only one side has, instead of raising.
        resamples, trials, seed: of the paired bootstrap and of approximate randomization.

    Raises:
        InputError: a system lacks pictures of the references and `partial` is false, or no picture is on all sides.
    """
    pairs = [pair(one, references, partial=partial) for one in systems]
    both = [name for name in references.captions if all(name in one.captions for one in pairs)]
    if not both:
        raise InputError(f"{systems[0].path} and {systems[1].path} have no picture in common")
    texts = {name: references.captions[name] for name in both}
    captions = [{name: one.captions[name] for name in both} for one in pairs]
    scores = [score(one, texts, metrics=metrics, document_frequency=document_frequency) for one in captions]
    parts = [[*one.parts, *_wording(list(said.values()), texts)] for one, said in zip(scores, captions, strict=True)]
    figures = compare(parts[0], parts[1], resamples=resamples, trials=trials, seed=seed)
    first, second = names if names[0] != names[1] else (f"{names[0]} (1)", f"{names[1]} (2)")
    interval = f"paired:bootstrap,{resamples},randomization,{trials},seed={seed}"
    fields = [*signature_fields(texts, metrics, document_frequency), interval, f"showtell:{__version__}"]
    return Comparison(
        (first, second), figures, _pictures(captions, texts, scores), "|".join(fields), _notes(pairs, len(both))
    )


def _wording(captions: Sequence[str], references: Mapping[str, Sequence[str]]) -> list[Summed]:
    lengths = np.array([[len(tokenize(text))] for text in captions], np.float64)
    return [Means(("mean_length",), lengths), hallucination(captions, references), chair(captions, references)]


def _pictures(
    captions: Sequence[Mapping[str, str]], references: Mapping[str, tuple[str, ...]], scores: Sequence[Scores]
) -> tuple[ComparedPicture, ...]:
    return tuple(
        ComparedPicture(
            name,
            (captions[0][name], captions[1][name]),
            texts,
            (scores[0].per_picture[name], scores[1].per_picture[name]),
        )
        for name, texts in references.items()
    )


def _notes(pairs: Sequence[Pairs], count: int) -> tuple[str, ...]:
    notes = [note for one in pairs for note in (*one.notes, *([f"left out: {one.left_out}"] if one.left_out else []))]
    fewer = max(len(one.captions) for one in pairs) - count
    if fewer:
        notes.append(f"left out: {fewer:,} pictures that only one system has captioned")
    return tuple(dict.fromkeys(notes))


def differing_most(comparison: Comparison, metric: str, count: int) -> tuple[list[ComparedPicture], ...]:
    """The pictures whose captions' scores differ most: those where the second system is better, and the first.

    Arguments:
        comparison: what to choose from.
        metric: the metric that is compared.
        count: most pictures of each kind.
    """
    ranked = sorted((one for one in comparison.pictures if one.gap(metric)), key=lambda one: -one.gap(metric))
    better = [one for one in ranked[:count] if one.gap(metric) > 0]
    worse = [one for one in ranked[::-1][:count] if one.gap(metric) < 0]
    return better, worse
