"""Captions that a person should look at, and what the person decides: the state behind the review page.

A decision is written at once, where the last run wrote its texts, and counts as a person's text from then on: no later
run overwrites it. For a table it is noted in the journal, and the next run puts it into the table.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from showtell.alt_text.doubt import MIN_CONFIDENCE, tags_from_text
from showtell.alt_text.journal import Entry, Journal
from showtell.alt_text.options import JOURNAL, run_from_text
from showtell.alt_text.plan import Planner
from showtell.alt_text.run import of_changed_picture, sidecar_of
from showtell.alt_text.sidecars import AltText, Rights, Sidecar, Standing
from showtell.captioning.tags import Tag
from showtell.data.sources.folder import PictureFile, walk_pictures
from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class Item:
    """A picture to look at.

    `text` is the proposed text, `why` is `not sure`, `contradicted` (by the tag `tag`), `unfamiliar` or empty.
    `decided` is the text that the person chose: empty if the picture shall have none, None before a decision.
    """

    name: str
    text: str
    why: str
    tag: str = ""
    confidence: float | None = None
    tags: tuple[Tag, ...] = ()
    decided: str | None = None


class Review:
    """The captions of a folder that wait for a person."""

    def __init__(self, folder: Path, journal: Path | None = None, *, everything: bool = False) -> None:
        """Open the journal of a folder.

        Arguments:
            folder: the folder of `showtell alt-text`.
            journal: its journal, if it has another name.
            everything: list every caption, not only those in doubt.

        Raises:
            InputError: there is no journal, or another run has it open.
        """
        path = journal or folder / JOURNAL
        if not path.is_file():
            raise InputError(f"{path}: there is no journal: run showtell alt-text {folder} first, or give --journal")
        self.folder = folder
        self._journal = Journal(path)
        self.options = run_from_text(self._journal.last_run())
        least = self.options.min_confidence
        self._planner = Planner(
            sidecar_of(folder, self.options),
            settings="",
            min_confidence=MIN_CONFIDENCE if least is None else least,
            style=self.options.style,
            keywords=self.options.keywords,
            familiar_only=least is None,
        )
        self.pictures = list(self._listed(everything))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    @property
    def in_table(self) -> bool:
        """Whether texts go into a table, which the next run writes."""
        return self._planner.sidecar is None

    def item(self, place: int) -> Item:
        """The picture at a position of the list."""
        return self._item(self.pictures[place], self._entry(self.pictures[place]))

    def decide(self, place: int, text: str | None) -> Item:
        """Write what the person decided.

        Arguments:
            place: position in the list.
            text: the text; empty if the picture shall have none, None to take a decision back.

        Raises:
            InputError: the picture has someone else's text by now, or the text cannot be written.
        """
        picture = self.pictures[place]
        entry = self._entry(picture)
        text = None if text is None else " ".join(text.split())
        decided = replace(entry, person=text, written="", intended="")
        if sidecar := self._planner.sidecar:
            path = sidecar.path(picture.path)
            standing = self._standing(sidecar, path, entry)
            if text:
                sidecar.write(path, AltText(text, self._planner.text_of(entry).keywords, by_person=True), standing)
            elif any(held is not None for held in standing.places.values()):
                sidecar.write(path, None, replace(standing, ours=frozenset(standing.places)))
            if sidecar.changes_pictures:
                decided = of_changed_picture(decided, picture.path)
        self._journal.put([(picture.name, decided)])
        return self._item(picture, decided)

    def _standing(self, sidecar: Sidecar, path: Path, entry: Entry) -> Standing:
        """The places for a text: those with ours, or with what this person chose before."""
        standing = sidecar.standing(path, entry)
        if standing.places:
            return standing
        free = sidecar_of(self.folder, replace(self.options, rights=Rights(others=True)))
        assert free is not None
        standing = free.standing(path, entry)
        if entry.person is None or any(held not in (None, entry.person) for held in standing.places.values()):
            raise InputError(f"{path}: has a text by someone else, which stays")
        return standing

    def _listed(self, everything: bool) -> list[PictureFile]:
        found = []
        for picture in walk_pictures(self.folder, self.options.reading):
            entry = self._journal.get(picture.name)
            if picture.error or entry is None or entry.error or not entry.caption or entry.person is not None:
                continue
            if everything or entry.unfamiliar or self._planner.doubt(entry):
                found.append(picture)
        return found

    def _entry(self, picture: PictureFile) -> Entry:
        entry = self._journal.get(picture.name)
        assert entry is not None  # it is in the list
        return entry

    def _item(self, picture: PictureFile, entry: Entry) -> Item:
        asked = replace(entry, person=None)
        doubt = self._planner.doubt(asked)
        why = "unfamiliar" if entry.unfamiliar else ""
        if doubt and not doubt.unfamiliar:
            why = "contradicted" if doubt.tag else "not sure"
        return Item(
            picture.name,
            self._planner.text_of(asked).text,
            why,
            doubt.tag if doubt else "",
            entry.confidence,
            tags_from_text(entry.tags),
            entry.person,
        )
