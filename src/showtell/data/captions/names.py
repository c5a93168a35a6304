"""Picture names from different files -> matches: with or without folders, in either Unicode form, in any case."""

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
"""The last tier that compares names exactly."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The names that match a key; `how` says in which way they differ from it, empty if they do not.

    A smaller `tier` is a better match.
    """

    names: tuple[str, ...]
    how: str
    tier: int


class NameIndex:
    """Finds, among some names, those that match a name from another file."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._tiers: list[dict[str, list[str]]] = []

    def find(self, key: str) -> NameMatch:
        """The names that match `key` in the best tier that has any; no names if no tier has."""
        for tier, (how, form) in enumerate(_TIERS):
            if found := self._tier(tier).get(form(key)):
                return NameMatch(tuple(found), how, tier)
        return NameMatch((), "", len(_TIERS))

    def _tier(self, tier: int) -> dict[str, list[str]]:
        while len(self._tiers) <= tier:  # later tiers are seldom needed
            form = _TIERS[len(self._tiers)][1]
            names: dict[str, list[str]] = {}
            for name in self._names:
                names.setdefault(form(name), []).append(name)
            self._tiers.append(names)
        return self._tiers[tier]


def inexact_notes(matched: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Sentences that count names by how they differ, each with an example."""
    notes = []
    for how in (_UNICODE, _CASE):
        keys = [key for way, key in matched if way == how]
        if keys:
            verb = "name matches" if len(keys) == 1 else "names match"
            notes.append(f"{len(keys):,} {verb} {how}, such as {keys[0]!r}")
    return tuple(notes)
