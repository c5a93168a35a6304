"""`shards/{000..099}.tar` -> the names that it expands to, as in WebDataset and the shell."""

import re
from collections.abc import Iterator

from showtell.errors import InputError

_BRACES = re.compile(r"\{([^{}]*(?:,|\.\.)[^{}]*)\}")
_RANGE = re.compile(r"([0-9]{1,9})\.\.([0-9]{1,9})")
_MOST = 1_000_000


def has_braces(text: str) -> bool:
    """Whether `text` has a range or a list in braces."""
    return bool(_BRACES.search(text))


def expanded(text: str) -> Iterator[str]:
    """Every name that `text` expands to: `{00..12}` is a range with two digits, `{a,b}` a list; several multiply.

    Raises:
        InputError: there are more than a million names, or a range is malformed or runs backwards.
    """
    found = _BRACES.search(text)
    if not found:
        yield text
        return
    if _count(text) > _MOST:
        raise InputError(f"{text}: stands for more than {_MOST:,} names: give fewer at a time")
    before, after = text[: found.start()], text[found.end() :]
    for choice in _choices(found[1], text):
        yield from expanded(before + choice + after)


def _count(text: str) -> int:
    count = 1
    for inside in _BRACES.findall(text):
        span = _RANGE.fullmatch(inside)
        count *= int(span[2]) - int(span[1]) + 1 if span else inside.count(",") + 1
    return count


def _choices(inside: str, text: str) -> Iterator[str]:
    if span := _RANGE.fullmatch(inside):
        first, last = int(span[1]), int(span[2])
        if last < first:
            raise InputError(f"{text}: the range {{{inside}}} runs backwards")
        yield from (f"{number:0{len(span[1])}d}" for number in range(first, last + 1))
    elif "," in inside:
        yield from inside.split(",")
    else:
        raise InputError(f"{text}: {{{inside}}} is not a range of numbers, such as {{000..099}}")
