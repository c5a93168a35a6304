"""Captions as text in, scores out: tokenise, then BLEU, METEOR, ROUGE-L and CIDEr-D, as papers report them.

from showtell.metrics import score
scores = score({"dog.jpg": "a dog runs"}, {"dog.jpg": ["A dog runs.", "The dog is running."]})
scores.corpus["BLEU-1"], scores.per_picture["dog.jpg"]["ROUGE-L"]
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.errors import InputError
from showtell.metrics.bleu import bleu_of_match
from showtell.metrics.checks import check_same_pictures, check_texts
from showtell.metrics.cider import CiderWeights
from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.matching import ReferenceIndex
from showtell.metrics.meteor import meteor
from showtell.metrics.ptb import ptb_tokenize, split_at_spaces
from showtell.metrics.result import MetricScores, mean_scores
from showtell.metrics.rouge import rouge_l

METRICS = ("BLEU", "METEOR", "ROUGE-L", "CIDEr", "CIDEr-D")
"""What can be asked for; BLEU is BLEU-1 to BLEU-4, and METEOR needs Java."""
DEFAULT_METRICS = ("BLEU", "ROUGE-L", "CIDEr-D")


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores by name, such as `BLEU-4` and `CIDEr-D`. CIDEr and CIDEr-D go from 0 to 10, the others from 0 to 1."""

    corpus: dict[str, float]
    """The scores of all pictures together, by name."""
    per_picture: dict[str, dict[str, float]]
    """Picture id -> the scores of that picture alone, by name; in the order of the references."""
    parts: tuple[MetricScores, ...]
    """The same as arrays, a part for each metric asked for, with what a bootstrap adds up."""


def score(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    metrics: Collection[str] = DEFAULT_METRICS,
    document_frequency: DocumentFrequency | None = None,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score one caption per picture against that picture's reference captions.

    Args:
        hypotheses: picture id -> caption, as text, for exactly the pictures of `references`; it may be empty.
        references: picture id -> reference captions, as text, at least one each; they may differ in number.
        metrics: which of `METRICS` to compute.
        document_frequency: how many pictures have each n-gram, for CIDEr; by default this comes from `references`.
        progress: called with how many more pictures METEOR has done; the other metrics take no time.

    Returns:
        Scores equal to those of pycocoevalcap with its Java tokeniser, to rounding.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, a caption is not text, a metric is
            unknown, or there is no Java for METEOR.
        MissingExtra: METEOR's package is not installed.
        ShowtellError: METEOR's Java program failed.
    """
    _check_metrics(metrics)
    check_texts(hypotheses, references)
    check_same_pictures(hypotheses, references)
    tokenised = {picture: ptb_tokenize(hypotheses[picture], keep_spaces=True) for picture in references}
    tokenised_references = {
        picture: [ptb_tokenize(caption, keep_spaces=True) for caption in captions]
        for picture, captions in references.items()
    }
    index = ReferenceIndex(
        {picture: list(map(split_at_spaces, captions)) for picture, captions in tokenised_references.items()},
        document_frequency.grams if document_frequency else None,
    )
    match = index.match(tuple(tokenised), list(map(split_at_spaces, tokenised.values())))
    parts: list[MetricScores] = []
    if "BLEU" in metrics:
        parts.append(bleu_of_match(index, match))
    if "METEOR" in metrics:
        parts.append(meteor(tokenised, tokenised_references, progress=progress))
    if "ROUGE-L" in metrics:
        parts.append(rouge_l(tokenised, tokenised_references))
    weights = CiderWeights(index, document_frequency)
    for metric in ("CIDEr", "CIDEr-D"):
        if metric in metrics:
            parts.append(mean_scores(metric, index.picture_ids, weights.score(match, metric)))
    return _merged(parts)


def _merged(parts: Sequence[MetricScores]) -> Scores:
    names = [name for part in parts for name in part.names]
    rows = np.hstack([part.per_picture for part in parts]).tolist()
    return Scores(
        corpus={name: value for part in parts for name, value in part.corpus.items()},
        per_picture={
            picture: dict(zip(names, row, strict=True)) for picture, row in zip(parts[0].picture_ids, rows, strict=True)
        },
        parts=tuple(parts),
    )


def _check_metrics(metrics: Collection[str]) -> None:
    strange = [metric for metric in metrics if metric not in METRICS]
    if isinstance(metrics, str) or strange or not metrics:
        raise InputError(f"metrics must be some of {', '.join(METRICS)}, not {metrics!r}")
