"""Words and phrases that a user names -> token ids.

An entry is a word or a phrase, or several of them between bars that stand for one another: `"cat|cats|black cat"`.
"""

from showtell.errors import InputError
from showtell.text import tokenize

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
