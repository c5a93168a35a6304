"""Words and phrases that a user names -> token ids.

An entry is a word, a phrase, or alternatives between bars: `"cat|cats|black cat"`.
"""

from difflib import get_close_matches

from showtell.errors import InputError
from showtell.text import SPECIALS, Vocabulary, tokenize

Phrase = tuple[int, ...]
"""The ids of a phrase's words, at least one."""


def alternatives(entry: str) -> list[list[str]]:
    """The phrases of an entry, each as a list of words.

    Raises:
        InputError: a phrase has no words.
    """
    phrases = [tokenize(part) for part in entry.split("|")]
    if not all(phrases):
        raise InputError(f"{entry!r} has no words: write a word, a phrase, or alternatives such as 'cat|cats'")
    return phrases


def known_phrases(entry: str, vocabulary: Vocabulary) -> tuple[Phrase, ...]:
    """The phrases of an entry whose words are all in the vocabulary; other phrases can never appear."""
    phrases = (tuple(vocabulary.ids.get(word, -1) for word in words) for words in alternatives(entry))
    return tuple(dict.fromkeys(phrase for phrase in phrases if -1 not in phrase))


def needed_phrases(entry: str, vocabulary: Vocabulary) -> tuple[Phrase, ...]:
    """As `known_phrases`, at least one.

    Raises:
        InputError: no phrase of the entry is known; the message names similar known words.
    """
    if found := known_phrases(entry, vocabulary):
        return found
    unknown = [word for words in alternatives(entry) for word in words if word not in vocabulary.ids]
    known = sorted(set(vocabulary.entries) - set(SPECIALS))
    near = dict.fromkeys(other for word in unknown for other in get_close_matches(word, known, n=3))
    hint = f"similar words that it knows are {', '.join(near)}" if near else "it knows no similar word"
    raise InputError(f"the model does not know the word {' nor '.join(map(repr, dict.fromkeys(unknown)))}: {hint}")
