"""Metrics of captions, usable alone, equal to pycocoevalcap's but without Java (METEOR alone needs it).

    from showtell.metrics import score
    scores = score({"dog.jpg": "a dog runs"}, {"dog.jpg": ["A dog runs.", "The dog is running."]})
    scores.corpus                    # {"BLEU-1": ..., ..., "ROUGE-L": ..., "CIDEr-D": ...}
    scores.per_picture["dog.jpg"]    # the same of one picture

`score` takes text; `bleu`, `meteor`, `rouge_l`, `cider_d` and `cider` take tokens, such as those of `ptb_tokenize`.
This room imports nothing of Showtell but its errors.
"""

from showtell.metrics.bleu import bleu, bleu_of
from showtell.metrics.bootstrap import bootstrap
from showtell.metrics.cider import CiderD, cider, cider_d
from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.meteor import meteor
from showtell.metrics.meteor_java import JavaOptions
from showtell.metrics.ptb import ptb_tokenize
from showtell.metrics.registry import MetricInput, default_metrics, metric, metrics
from showtell.metrics.result import MetricScores, mean_scores
from showtell.metrics.rouge import rouge_l
from showtell.metrics.scoring import Scores, score
from showtell.metrics.signature import signature_fields

METRICS = tuple(metrics())
"""The names of all metrics; BLEU is BLEU-1 to BLEU-4, and METEOR needs Java."""
DEFAULT_METRICS = default_metrics()
"""The names of the metrics that are computed unless others are chosen."""

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "CiderD",
    "DocumentFrequency",
    "JavaOptions",
    "MetricInput",
    "MetricScores",
    "Scores",
    "bleu",
    "bleu_of",
    "bootstrap",
    "cider",
    "cider_d",
    "mean_scores",
    "meteor",
    "metric",
    "ptb_tokenize",
    "rouge_l",
    "score",
    "signature_fields",
]
