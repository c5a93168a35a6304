"""Sentences to ids and back: `words` has vocabularies of whole words."""

from showtell.text.words import END, PAD, SPECIALS, START, UNK, Vocabulary, pad_batch, tokenize

__all__ = ["END", "PAD", "SPECIALS", "START", "UNK", "Vocabulary", "pad_batch", "tokenize"]
