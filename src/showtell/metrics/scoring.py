"""Captions as text -> scores of the chosen metrics, as papers report them.

from showtell.metrics import score
scores = score({"dog.jpg": "a dog runs"}, {"dog.jpg": ["A dog runs.", "The dog is running."]})
scores.corpus["BLEU-1"], scores.per_picture["dog.jpg"]["ROUGE-L"]
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.inputs import check_same_pictures, check_texts
from showtell.metrics.registry import MetricInput, chosen_metrics
from showtell.metrics.result import MetricScores


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores by name, such as `BLEU-4` and `CIDEr-D`. CIDEr and CIDEr-D go from 0 to 10, the others from 0 to 1."""

    corpus: dict[str, float]
    """The scores of all pictures together, by name."""
    per_picture: dict[str, dict[str, float]]
    """Picture id -> the scores of that picture alone, by name; in the order of the references."""
    parts: tuple[MetricScores, ...]
    """The same as arrays, a part for each metric, with the statistics that a bootstrap sums."""


def score(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    metrics: Collection[str] | None = None,
    document_frequency: DocumentFrequency | None = None,
    progress: Callable[[int], None] | None = None,
) -> Scores:
    """Score one caption per picture against that picture's reference captions.

    Args:
        hypotheses: picture id -> caption, as text, for exactly the pictures of `references`; it may be empty.
        references: picture id -> reference captions, as text, at least one each; they may differ in number.
        metrics: names of `METRICS`; None for `DEFAULT_METRICS`.
        document_frequency: how many pictures have each n-gram, for CIDEr; counted from `references` by default.
        progress: called with the number of pictures that METEOR has done since the last call; other metrics are fast.

    Returns:
        Scores equal to those of pycocoevalcap with its Java tokenizer, to rounding.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, a caption is not text, a metric is
            unknown, or there is no Java for METEOR.
        MissingExtra: METEOR's package is not installed.
        ShowtellError: METEOR's Java program failed.
    """
    chosen = chosen_metrics(metrics)
    check_texts(hypotheses, references)
    check_same_pictures(hypotheses, references)
    given = MetricInput(hypotheses, references, document_frequency, progress)
    return _merged([metric.compute(given) for metric in chosen])


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
