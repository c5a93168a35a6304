"""Words and phrases that a user names -> token ids.

An entry is a word, a phrase, or alternatives between bars: `"cat|cats|black cat"`.
"""

from showtell.errors import InputError
from showtell.text import TokenVocabulary, Vocabulary, tokenize
from showtell.text.protocol import Phrase


def alternatives(entry: str) -> list[list[str]]:
    """The phrases of an entry, each as a list of words.

    Raises:
        InputError: a phrase has no words.
    """
    phrases = [tokenize(part) for part in entry.split("|")]
    if not all(phrases):
        raise InputError(f"{entry!r} has no words: write a word, a phrase, or alternatives such as 'cat|cats'")
    return phrases


def known_phrases(entry: str, vocabulary: TokenVocabulary, *, anywhere: bool = True) -> tuple[Phrase, ...]:
    """The ways to write the phrases of an entry; phrases with unknown words can never appear.

    Arguments:
        entry: see this module's docstring.
        vocabulary: the decoder's.
        anywhere: also the ways that only the first words of a sentence are written.
    """
    written = (ids for words in alternatives(entry) for ids in vocabulary.phrases(words, anywhere=anywhere))
    return tuple(dict.fromkeys(written))


def needed_phrases(entry: str, vocabulary: TokenVocabulary) -> tuple[Phrase, ...]:
    """As `known_phrases`, at least one.

    Raises:
        InputError: no phrase of the entry is known; the message names similar known words.
    """
    if found := known_phrases(entry, vocabulary, anywhere=False):
        return found
    if isinstance(vocabulary, Vocabulary):
        unknown = [word for words in alternatives(entry) for word in words if not vocabulary.writes(word)]
        raise InputError(vocabulary.unknown_words(unknown))
    raise InputError(f"the model cannot write {entry!r}")
