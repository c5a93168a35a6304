"""Metrics of captions, usable alone, equal to pycocoevalcap's but without Java (METEOR alone needs it).

    from showtell.metrics import score
    scores = score({"dog.jpg": "a dog runs"}, {"dog.jpg": ["A dog runs.", "The dog is running."]})
    scores.corpus                    # {"BLEU-1": ..., ..., "ROUGE-L": ..., "CIDEr-D": ...}
    scores.per_picture["dog.jpg"]    # the same of one picture

`score` takes text; `bleu`, `meteor`, `rouge_l`, `cider_d` and `cider` take tokens, such as `ptb_tokenize` gives. This
room imports nothing of Showtell but its errors.
"""

from showtell.metrics.bleu import bleu, bleu_of
from showtell.metrics.bootstrap import bootstrap
from showtell.metrics.cider import CiderD, cider, cider_d
from showtell.metrics.document_frequency import DocumentFrequency
from showtell.metrics.meteor import meteor
from showtell.metrics.meteor_java import JavaOptions
from showtell.metrics.ptb import ptb_tokenize
from showtell.metrics.result import MetricScores
from showtell.metrics.rouge import rouge_l
from showtell.metrics.scoring import DEFAULT_METRICS, METRICS, Scores, score
from showtell.metrics.signature import signature_fields

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "CiderD",
    "DocumentFrequency",
    "JavaOptions",
    "MetricScores",
    "Scores",
    "bleu",
    "bleu_of",
    "bootstrap",
    "cider",
    "cider_d",
    "meteor",
    "ptb_tokenize",
    "rouge_l",
    "score",
    "signature_fields",
]
