"""Captions -> the rules that suit their language, and whether it is English."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

from showtell.text.rules import TokenRules

_LOOKED_AT = 2_000  # captions that a guess looks at
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Letters of scripts without spaces between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer."""

_CAPITALS = (0.15, 0.6)  # of the words after the first, where nouns have capitals; titles have more
_ENGLISH = frozenset(["a", "an", "and", "are", "at", "by", "is", "of", "on", "the", "to", "with"])
_ENGLISH_SHARE = 0.08  # of the words of an English sentence, at least
_FEW_WORDS = 100  # too few to tell another language by


def guess_rules(
    captions: Iterable[str], tokenizer: str = "auto", case: str = "auto", punctuation: str = "drop"
) -> TokenRules:
    """The rules for captions, where `auto` is what suits their language.

    Arguments:
        captions: the training captions, of which the first few thousand count.
        tokenizer: `words`, `characters`, `subwords`, or `auto`: characters for scripts without spaces, else words.
        case: `lower`, `keep`, or `auto`: kept where nouns have capitals, as in German.
        punctuation: `drop` or `keep`.

    Raises:
        InputError: a value is unknown.
    """
    texts = list(islice(captions, _LOOKED_AT)) if "auto" in (tokenizer, case) else []
    if tokenizer == "auto":
        tokenizer = "characters" if _is_unspaced(texts) else "words"
    if case == "auto":
        case = "keep" if _has_capitals(texts) else "lower"
    return TokenRules(tokenizer, case, punctuation)  # type: ignore[arg-type]  # it checks them


def is_english(captions: Iterable[str]) -> bool:
    """Whether captions may be English. Of a few words, only the script counts."""
    texts = list(islice(captions, _LOOKED_AT))
    letters = [one for text in texts for one in text if one.isalpha()]
    if sum(one.isascii() for one in letters) < 0.9 * len(letters):
        return False
    words = [word for text in texts for word in TokenRules().tokens(text)]
    return len(words) < _FEW_WORDS or sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


def _is_unspaced(texts: list[str]) -> bool:
    letters = sum(unicodedata.category(one)[0] == "L" for text in texts for one in text)
    return 2 * sum(len(_UNSPACED.findall(text)) for text in texts) > letters


def _has_capitals(texts: list[str]) -> bool:
    later = [word for text in texts for word in TokenRules(case="keep").tokens(text)[1:] if word[0].isalpha()]
    capitals = sum(word[0].isupper() and not word.isupper() for word in later)
    return _CAPITALS[0] * len(later) < capitals < _CAPITALS[1] * len(later)
