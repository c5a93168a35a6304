"""Sentences to ids and back.

`words` has vocabularies of words, characters and subwords, `rules` how they split text, and `guess` what suits a
language; `subwords` has the vocabularies of pretrained models, and `protocol` what all of them offer.
"""

from showtell.text.guess import guess_rules, is_english
from showtell.text.protocol import TokenVocabulary
from showtell.text.rules import TokenRules
from showtell.text.subwords import Subwords
from showtell.text.words import END, PAD, SPECIALS, START, UNK, Vocabulary, pad_batch, tokenize

__all__ = [
    "END",
    "PAD",
    "SPECIALS",
    "START",
    "UNK",
    "Subwords",
    "TokenRules",
    "TokenVocabulary",
    "Vocabulary",
    "guess_rules",
    "is_english",
    "pad_batch",
    "tokenize",
]
