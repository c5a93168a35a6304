"""How sentences of a language are split into tokens and put together again.

English needs words in lower case without punctuation, as in the course notebook. German writes nouns with capitals,
Chinese has no spaces between words, and languages with many endings have words that no training caption has.
"""

import functools
import re
import sys
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from showtell.errors import InputError

Tokenizer: TypeAlias = Literal["words", "characters", "subwords"]
Case: TypeAlias = Literal["lower", "keep"]
Punctuation: TypeAlias = Literal["drop", "keep"]

CONTINUES = "##"
"""The beginning of a subword that continues a word, as in WordPiece."""

_OPENING = frozenset("([{«„“‘¿¡（「『《【")
_CLOSING = frozenset(".,;:!?)]}»”’…%。，、；：！？）」』》】।")
_WORD = re.compile(r"\w+")
_LATIN = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class TokenRules:
    """How text becomes tokens.

    `tokenizer` says what a token is: a word; a character, where Latin letters and digits in a row are one; or a
    subword, which a vocabulary finds in words. `case` is `lower` or `keep`. With `punctuation` kept, each mark is a
    token of its own.
    """

    tokenizer: Tokenizer = "words"
    case: Case = "lower"
    punctuation: Punctuation = "drop"

    def __post_init__(self) -> None:
        for name, known in (("tokenizer", Tokenizer), ("case", Case), ("punctuation", Punctuation)):
            if (value := getattr(self, name)) not in get_args(known):
                raise InputError(f"{name} {value!r} is unknown: choose one of {', '.join(get_args(known))}")

    def tokens(self, text: str) -> list[str]:
        """The words of a text, or its characters; of subwords the words, which the vocabulary splits further."""
        text = text.lower() if self.case == "lower" else text
        if self == WORDS and text.isascii():
            return _WORD.findall(text)
        text = unicodedata.normalize("NFC", text)
        found = _pattern(self.punctuation == "keep").findall(text)
        if self.tokenizer == "characters":
            return [one for word in found for one in _characters(word)]
        return list(found)

    def join(self, tokens: list[str]) -> str:
        """The text of some tokens: with spaces between words, and none before a closing mark or between characters."""
        text = ""
        for token in tokens:
            apart = self.tokenizer != "characters" or (text[-1:].isascii() and bool(_LATIN.fullmatch(token)))
            if token.startswith(CONTINUES) and self.tokenizer == "subwords" and token != CONTINUES:
                text += token.removeprefix(CONTINUES)
            elif text and apart and token not in _CLOSING and text[-1] not in _OPENING:
                text += f" {token}"
            else:
                text += token
        return text

    def spaced(self, text: str) -> str:
        """A text for metrics that split at spaces: characters are parted by spaces, other text stays as it is."""
        return " ".join(self.tokens(text)) if self.tokenizer == "characters" else text


WORDS = TokenRules()
"""Words in lower case, without punctuation."""


def _characters(word: str) -> list[str]:
    """The characters of a word, each with its marks; Latin letters and digits in a row stay together."""
    return re.findall(rf"[A-Za-z0-9]+|.[{_marks()}]*", word, re.DOTALL)


@functools.cache
def _pattern(punctuation: bool) -> re.Pattern[str]:
    """Words, with the marks on their letters, and, if wanted, each other character."""
    letters = rf"[\w{_marks()}]+"
    return re.compile(rf"{letters}(?:['’-]{letters})*|[^\s\w]" if punctuation else rf"\w{letters}|\w")


@functools.cache
def _marks() -> str:
    """Every combining mark, as ranges of a regular expression's set: `\\w` lacks them, and words have them."""
    codes = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges if last <= sys.maxunicode)
