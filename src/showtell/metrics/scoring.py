"""Captions as text in, scores out: tokenise, then BLEU, ROUGE-L and CIDEr-D, as papers report them.

from showtell.metrics import score
scores = score({"dog.jpg": "a dog runs"}, {"dog.jpg": ["A dog runs.", "The dog is running."]})
scores.corpus["BLEU-1"], scores.per_picture["dog.jpg"]["ROUGE-L"]
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from showtell.errors import InputError
from showtell.metrics.bleu import bleu
from showtell.metrics.checks import Hypotheses, References, check_pairs, check_texts
from showtell.metrics.cider import cider_d
from showtell.metrics.ptb import ptb_tokenize
from showtell.metrics.result import MetricScores
from showtell.metrics.rouge import rouge_l

METRICS = ("BLEU", "ROUGE-L", "CIDEr-D")
"""What can be asked for; BLEU is BLEU-1 to BLEU-4."""

_SCORERS: dict[str, Callable[[Hypotheses, References], MetricScores]] = {
    "BLEU": bleu,
    "ROUGE-L": rouge_l,
    "CIDEr-D": cider_d,
}


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Scores by name: `BLEU-1` to `BLEU-4`, `ROUGE-L`, `CIDEr-D`. CIDEr-D goes from 0 to 10, the others from 0 to 1."""

    corpus: dict[str, float]
    """The scores of all pictures together, by name."""
    per_picture: dict[str, dict[str, float]]
    """Picture id -> the scores of that picture alone, by name; in the order of the references."""
    parts: tuple[MetricScores, ...]
    """The same as arrays, a part for each metric asked for, with what a bootstrap adds up."""


def score(
    hypotheses: Mapping[str, str], references: Mapping[str, Sequence[str]], *, metrics: Collection[str] = METRICS
) -> Scores:
    """Score one caption per picture against that picture's reference captions.

    Args:
        hypotheses: picture id -> caption, as text, for exactly the pictures of `references`; it may be empty.
        references: picture id -> reference captions, as text, at least one each; they may differ in number.
        metrics: which of `METRICS` to compute.

    Returns:
        Scores equal to those of pycocoevalcap with its Java tokeniser, to rounding.

    Raises:
        InputError: the two are not of the same pictures, a picture has no reference, a caption is not text, or a metric
            is unknown.
    """
    _check_metrics(metrics)
    check_texts(hypotheses, references)
    tokenised = {picture: ptb_tokenize(caption) for picture, caption in hypotheses.items()}
    tokenised_references = {
        picture: [ptb_tokenize(caption) for caption in captions] for picture, captions in references.items()
    }
    picture_ids = check_pairs(tokenised, tokenised_references)
    parts = tuple(_SCORERS[metric](tokenised, tokenised_references) for metric in METRICS if metric in metrics)
    names = [name for part in parts for name in part.names]
    rows = zip(*(part.per_picture.tolist() for part in parts), strict=True)
    return Scores(
        corpus={name: value for part in parts for name, value in part.corpus.items()},
        per_picture={
            picture: dict(zip(names, (value for values in row for value in values), strict=True))
            for picture, row in zip(picture_ids, rows, strict=True)
        },
        parts=parts,
    )


def _check_metrics(metrics: Collection[str]) -> None:
    strange = [metric for metric in metrics if metric not in METRICS]
    if isinstance(metrics, str) or strange or not metrics:
        raise InputError(f"metrics must be some of {', '.join(METRICS)}, not {metrics!r}")
