"""Names of pictures as different files write them: with folders or without, in two Unicode forms, in other case."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath


def base(name: str) -> str:
    """The file name without folders."""
    return PurePosixPath(name).name


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _composed(name).casefold()


_UNICODE, _CASE = "in another Unicode form", "in other case"
_TIERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("", str),
    ("", base),
    (_UNICODE, _composed),
    (_UNICODE, lambda name: _composed(base(name))),
    (_CASE, _folded),
    (_CASE, lambda name: _folded(base(name))),
)
EXACT = 1
"""The last tier that compares names letter by letter."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The names that a key may stand for; `how` says in which way they differ, empty where they do not.

    `tier` is smaller the better the match.
    """

    names: tuple[str, ...]
    how: str
    tier: int


class NameIndex:
    """Finds, among some names, those that another file's name stands for."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._tiers: list[dict[str, list[str]]] = []

    def find(self, key: str) -> NameMatch:
        """The names that match `key` in the best way that any does; none where no way does."""
        for tier, (how, form) in enumerate(_TIERS):
            if found := self._tier(tier).get(form(key)):
                return NameMatch(tuple(found), how, tier)
        return NameMatch((), "", len(_TIERS))

    def _tier(self, tier: int) -> dict[str, list[str]]:
        while len(self._tiers) <= tier:  # the later ones are seldom needed
            form = _TIERS[len(self._tiers)][1]
            names: dict[str, list[str]] = {}
            for name in self._names:
                names.setdefault(form(name), []).append(name)
            self._tiers.append(names)
        return self._tiers[tier]


def inexact_notes(matched: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Sentences that count names by the way in which they differ, with one of each."""
    notes = []
    for how in (_UNICODE, _CASE):
        keys = [key for way, key in matched if way == how]
        if keys:
            verb = "name matches" if len(keys) == 1 else "names match"
            notes.append(f"{len(keys):,} {verb} {how}, such as {keys[0]!r}")
    return tuple(notes)
