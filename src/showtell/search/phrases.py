"""Words and phrases that a user names -> token ids.

An entry is a word or a phrase, or several of them between bars that stand for one another: `"cat|cats|black cat"`.
"""

from difflib import get_close_matches

from showtell.errors import InputError
from showtell.text import SPECIALS, Vocabulary, tokenize

Phrase = tuple[int, ...]
"""The ids of a phrase's words, at least one."""


def alternatives(entry: str) -> list[list[str]]:
    """The phrases of an entry, each as its words.

    Raises:
        InputError: one of them has no word in it.
    """
    phrases = [tokenize(part) for part in entry.split("|")]
    if not all(phrases):
        raise InputError(f"{entry!r} has no word in it: write a word, a phrase, or several between bars, as 'cat|cats'")
    return phrases


def known_phrases(entry: str, vocabulary: Vocabulary) -> tuple[Phrase, ...]:
    """The phrases of an entry all of whose words the vocabulary has; the others can never be said."""
    phrases = (tuple(vocabulary.ids.get(word, -1) for word in words) for words in alternatives(entry))
    return tuple(dict.fromkeys(phrase for phrase in phrases if -1 not in phrase))


def needed_phrases(entry: str, vocabulary: Vocabulary) -> tuple[Phrase, ...]:
    """As `known_phrases`, at least one.

    Raises:
        InputError: no phrase of the entry is known; the message names near words that are.
    """
    if found := known_phrases(entry, vocabulary):
        return found
    unknown = [word for words in alternatives(entry) for word in words if word not in vocabulary.ids]
    known = sorted(set(vocabulary.entries) - set(SPECIALS))
    near = dict.fromkeys(other for word in unknown for other in get_close_matches(word, known, n=3))
    hint = f"near words that it knows are {', '.join(near)}" if near else "it knows no word like it"
    raise InputError(f"the model does not know the word {' nor '.join(map(repr, dict.fromkeys(unknown)))}: {hint}")
