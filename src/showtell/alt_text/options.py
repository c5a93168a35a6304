"""The options of a run, its outcome for each picture, and its summary."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from showtell.alt_text.journal import Entry
from showtell.alt_text.plan import Plan, Step
from showtell.alt_text.sidecars import Rights, SidecarName, TextSidecar, XmpSidecar
from showtell.captioning.output.registry import names_of
from showtell.data.sources.base import ReadOptions, Remarks
from showtell.errors import InputError

SIDECARS: dict[str, type[TextSidecar] | type[XmpSidecar]] = {"txt": TextSidecar, "xmp": XmpSidecar}
JOURNAL = ".showtell-alt-text"
"""The journal's name in its folder, unless the user names another file."""


@dataclass(frozen=True, slots=True)
class AltTextOptions:
    """Where texts go, and what a run may change.

    `format` is the format of a file beside each picture (`txt`, `xmp`) or of one table (such as `csv`) at `output`.
    `journal` is the journal file (None: `JOURNAL` in the folder). Captions with less confidence than `min_confidence`
    are held back. `sidecar_name` is `full` for `photo.jpg.txt`, `stem` for `photo.txt`. `renew` captions pictures again
    that another model or other settings captioned. `batch_size` and `threads` are as for `Captioner.caption_stream`.
    `reading` says which pictures are read, and how.
    """

    format: str = "txt"
    output: Path | None = None
    journal: Path | None = None
    min_confidence: float = 0.0
    rights: Rights = Rights()
    renew: bool = False
    batch_size: int = 32
    threads: int | None = None
    sidecar_name: SidecarName = "full"
    reading: ReadOptions = ReadOptions()

    def __post_init__(self) -> None:
        if self.format not in (*SIDECARS, *names_of("table")):
            choices = ", ".join([*SIDECARS, *names_of("table")])
            raise InputError(f"texts cannot be written as {self.format!r}: choose one of {choices}")
        if self.format in SIDECARS and self.output:
            raise InputError(f"{self.format} files go beside the pictures: leave out --output, or choose a table")
        if self.format not in SIDECARS and not self.output:
            raise InputError(f"a {self.format} table needs a file: add --output")
        if self.rights.merge and self.format != "xmp":
            raise InputError("--merge works only with XMP files: add --format xmp, or leave it out")
        if self.sidecar_name not in get_args(SidecarName):
            raise InputError(f"the sidecar name must be full or stem, not {self.sidecar_name!r}")
        if self.batch_size < 1:
            raise InputError("the batch size must be at least 1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one picture; `problem` is why it was rejected or failed."""

    name: str
    step: Step
    entry: Entry | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of a run, or of a planned one: the number of pictures by step.

    `captioned` is the number that the model captioned in this run, `known` the number whose bytes it had captioned
    before. `unfamiliar` is the number of texts for pictures unlike the training pictures, `outdated` the number from
    another model or other settings. `mergeable` is the number of kept pictures whose XMP files could be merged into.
    `remarks` counts files that look like pictures but are not read.
    """

    steps: dict[Step, int]
    captioned: int = 0
    known: int = 0
    unfamiliar: int = 0
    outdated: int = 0
    mergeable: int = 0
    remarks: Remarks = field(default_factory=Remarks)

    @property
    def pictures(self) -> int:
        """All pictures that were found."""
        return sum(self.steps.values())

    def count(self, *steps: Step) -> int:
        """The number of pictures with any of these steps."""
        return sum(self.steps.get(step, 0) for step in steps)


@dataclass(slots=True)
class AltTextTally:
    """Counts the outcomes of pictures, one by one; `settings` is the current cache key."""

    settings: str
    captioned: int = 0
    known: int = 0
    remarks: Remarks = field(default_factory=Remarks)
    _steps: Counter[Step] = field(default_factory=Counter)
    _others: Counter[str] = field(default_factory=Counter)

    def add(self, plan: Plan, step: Step, entry: Entry | None) -> None:
        """Count a picture by its plan and the `step` that it reached; `entry` is its current entry."""
        self._steps[step] += 1
        self._others["mergeable"] += step is Step.KEPT and plan.standing.mergeable
        if entry and not entry.error and step in (Step.WRITE, Step.WRITTEN, Step.UNCHANGED, Step.HELD):
            self._others["unfamiliar"] += bool(entry.unfamiliar)
            self._others["outdated"] += entry.settings != self.settings

    def summary(self) -> Summary:
        """The counts so far."""
        others = {name: self._others[name] for name in ("unfamiliar", "outdated", "mergeable")}
        return Summary(dict(self._steps), self.captioned, self.known, remarks=self.remarks, **others)
