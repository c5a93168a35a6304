"""Captions -> alt texts: a sentence with a capital and a full stop, an optional prefix, and a limit of length.

Guidelines for alt texts (WCAG 2.2, technique G94; the Web Accessibility Initiative's alt decision tree) ask for short
sentences. Screen readers pause at the full stop, so that the text does not run into what follows the picture.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from showtell.errors import InputError

Style: TypeAlias = Literal["sentence", "plain"]
"""Whether a text is a sentence, with a capital and a full stop, or plain, as the model writes it."""

LEAST_CHARS = 20
"""The lowest limit of characters, beside the prefix: a shorter text says nothing."""

_ENDS = (".", "!", "?", "\N{HORIZONTAL ELLIPSIS}", "\N{IDEOGRAPHIC FULL STOP}")
_NEVER_LAST = frozenset(
    {"a", "an", "the", "and", "or", "is", "are", "of", "in", "on", "at", "with", "to", "by", "from", "for", "into"}
    | {"over", "near", "next", "through", "his", "her", "its", "their", "two", "three", "several", "some", "very"}
    | {"that", "who", "which", "while", "as", "up", "down", "under", "behind", "along", "across", "around"}
)


@dataclass(frozen=True, slots=True)
class TextStyle:
    """How a caption becomes an alt text.

    Arguments:
        style: `sentence` or `plain`.
        prefix: put before every text, with a space between.
        max_chars: the most characters of a text, prefix included; longer ones lose words at the end. None for no limit.

    Raises:
        InputError: the style does not exist, or the limit leaves no room for a text.
    """

    style: Style = "sentence"
    prefix: str = ""
    max_chars: int | None = None

    def __post_init__(self) -> None:
        if self.style not in get_args(Style):
            raise InputError(f"the style must be {' or '.join(get_args(Style))}, not {self.style!r}")
        if any(not letter.isprintable() for letter in self.prefix):
            raise InputError("the prefix must be one line of printable characters")
        least = LEAST_CHARS + len(self._start)
        if self.max_chars is not None and self.max_chars < least:
            raise InputError(f"--max-chars must be at least {least} with this prefix, not {self.max_chars}")

    @property
    def _start(self) -> str:
        return f"{self.prefix.strip()} " if self.prefix.strip() else ""

    def text(self, caption: str) -> str:
        """The alt text of a caption; empty if the caption is."""
        words = caption.split()
        if not words:
            return ""
        room = None if self.max_chars is None else self.max_chars - len(self._start)
        text = self._finished(" ".join(words))
        while room is not None and len(text) > room and len(words) > 1:
            words.pop()
            while len(words) > 1 and words[-1].lower() in _NEVER_LAST:
                words.pop()
            text = self._finished(" ".join(words))
        return self._start + text[:room]

    def _finished(self, text: str) -> str:
        if self.style == "plain":
            return text
        return text[0].upper() + text[1:] + ("" if text.endswith(_ENDS) else ".")
