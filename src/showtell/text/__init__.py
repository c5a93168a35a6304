"""Sentences to ids and back.

`words` has vocabularies of whole words, `subwords` those of pretrained models, and `protocol` what both offer.
"""

from showtell.text.protocol import TokenVocabulary
from showtell.text.subwords import Subwords
from showtell.text.words import END, PAD, SPECIALS, START, UNK, Vocabulary, pad_batch, tokenize

__all__ = [
    "END",
    "PAD",
    "SPECIALS",
    "START",
    "UNK",
    "Subwords",
    "TokenVocabulary",
    "Vocabulary",
    "pad_batch",
    "tokenize",
]
