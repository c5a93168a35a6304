"""Metrics of captions, usable alone: tokens in, scores out, equal to pycocoevalcap's but without Java.

    from showtell.metrics import bleu, cider_d
    references = {"dog.jpg": [["a", "dog", "runs"], ["the", "dog", "is", "running"]], ...}
    hypotheses = {"dog.jpg": ["a", "dog", "is", "running"], ...}
    bleu(references, hypotheses).corpus        # BLEU-1..4
    cider_d(references, hypotheses).corpus     # CIDEr-D

This room imports nothing of Showtell but its errors.
"""

from showtell.metrics.bleu import BleuScores, bleu, bleu_of
from showtell.metrics.cider import CiderD, CiderScores, cider_d
from showtell.metrics.ptb import ptb_tokenize

__all__ = ["BleuScores", "CiderD", "CiderScores", "bleu", "bleu_of", "cider_d", "ptb_tokenize"]
