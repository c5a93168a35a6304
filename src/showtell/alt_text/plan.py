"""Decides what to do with one picture, from its entry in the journal and the file beside it."""

from dataclasses import dataclass, replace
from enum import StrEnum

from showtell.alt_text.doubt import SURE, Doubt, contradiction, tags_from_text
from showtell.alt_text.existing import has_text
from showtell.alt_text.journal import Entry
from showtell.alt_text.sidecars import AltText, Sidecar, Standing
from showtell.alt_text.style import TextStyle
from showtell.data.sources.folder import PictureFile
from showtell.errors import InputError


class Step(StrEnum):
    """What to do with a picture, or the outcome for it."""

    CAPTION = "caption"
    """Not known yet: read it and caption it."""
    WRITE = "write"
    """The caption is known: only write the file beside the picture."""
    WRITTEN = "written"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """There is a text by a person or another program."""
    HELD = "held back"
    """The caption's confidence is below the minimum, or a tag contradicts it."""
    REJECTED = "rejected"
    """The picture cannot be read."""
    FAILED = "failed"
    """The file beside the picture cannot be read or written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A step and the facts that decided it; `problem` is why a picture was rejected or failed."""

    step: Step
    entry: Entry | None
    standing: Standing
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes plans. `sidecar` is None if the texts go into a table. `settings` is the current cache key. `others` allows
    writing beside pictures that already have a text by someone else, in or beside them. `everything` holds nothing
    back. `style` makes texts of captions, and `keywords` adds tags. `familiar_only` also holds captions of unfamiliar
    pictures back.
    """

    sidecar: Sidecar | None
    settings: str
    min_confidence: float = 0.0
    renew: bool = False
    others: bool = False
    everything: bool = False
    style: TextStyle = TextStyle()
    keywords: bool = False
    familiar_only: bool = False

    def plan(self, picture: PictureFile, entry: Entry | None) -> Plan:
        """What to do with a picture whose entry in the journal is `entry`."""
        plan = self._plan(picture, entry)
        writes = plan.step in (Step.CAPTION, Step.WRITE, Step.HELD)
        if not (writes and self.sidecar) or self.others or plan.standing.ours:
            return plan
        if has_text(picture.path, self.sidecar.path(picture.path), entry):
            return Plan(Step.KEPT, entry, Standing({}))
        return plan

    def _plan(self, picture: PictureFile, entry: Entry | None) -> Plan:
        nothing = Standing({})
        if entry and entry.person is not None and self.others:
            entry = replace(entry, person=None)
        if picture.error:
            return Plan(Step.REJECTED, entry, nothing, picture.error)
        try:
            standing = self.sidecar.standing(self.sidecar.path(picture.path), entry) if self.sidecar else nothing
        except InputError as error:
            return Plan(Step.FAILED, entry, nothing, str(error))
        if self.sidecar and not standing.places:
            return Plan(Step.KEPT, entry, standing)
        if entry and (decided := self._by_person(picture, entry, standing)):
            return decided
        if entry is None or not entry.is_of(picture) or (self.renew and entry.settings != self.settings):
            return Plan(Step.CAPTION, entry, standing)
        if entry.error:
            return Plan(Step.REJECTED, entry, standing, entry.error)
        if self.holds_back(entry):
            return Plan(Step.WRITE if standing.ours else Step.HELD, entry, standing)
        return Plan(Step.UNCHANGED if standing.says(self.text_of(entry)) else Step.WRITE, entry, standing)

    def _by_person(self, picture: PictureFile, entry: Entry, standing: Standing) -> Plan | None:
        """The plan for a picture whose text a person chose on the review page."""
        if entry.person is None or (not entry.person and not entry.is_of(picture)):
            return None
        writes = bool(entry.person) and self.sidecar and not standing.says(self.text_of(entry))
        return Plan(Step.WRITE if writes and entry.is_of(picture) else Step.KEPT, entry, standing)

    def text_of(self, entry: Entry) -> AltText:
        """What goes beside or into a picture."""
        names = tuple(tag.name for tag in tags_from_text(entry.tags) if tag.probability >= SURE)
        keywords = names if self.keywords else ()
        if entry.person is not None:
            return AltText(entry.person, keywords, by_person=True)
        return AltText(self.style.text(entry.caption), keywords)

    def doubt(self, entry: Entry) -> Doubt | None:
        """Why the caption needs a person's look before it is published; None if it does not."""
        if self.everything or entry.person is not None:
            return None
        if entry.confidence is not None and entry.confidence < self.min_confidence:
            return Doubt()
        if entry.unfamiliar and self.familiar_only:
            return Doubt(unfamiliar=True)
        tag = contradiction(entry.caption, tags_from_text(entry.tags))
        return Doubt(tag) if tag else None

    def holds_back(self, entry: Entry) -> bool:
        """Whether the picture gets no text."""
        return self.doubt(entry) is not None
