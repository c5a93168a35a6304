"""The options of a run, its outcome for each picture, and its summary."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from showtell.alt_text.doubt import Doubt
from showtell.alt_text.journal import Entry
from showtell.alt_text.plan import Plan, Step
from showtell.alt_text.sidecars import Rights, SidecarName, TextSidecar, XmpSidecar
from showtell.alt_text.style import TextStyle
from showtell.captioning.output.registry import names_of
from showtell.data.sources.base import ReadOptions, Remarks
from showtell.errors import InputError

SIDECARS: dict[str, type[TextSidecar] | type[XmpSidecar]] = {"txt": TextSidecar, "xmp": XmpSidecar}
IN_FILES = "in-files"
"""The format that writes texts into picture files."""
JOURNAL = ".showtell-alt-text"
"""The journal's name in its folder, unless the user names another file."""


@dataclass(frozen=True, slots=True)
class AltTextOptions:
    """Where texts go, what they look like, and what a run may change.

    `format` is the format of a file beside each picture (`txt`, `xmp`), of one table (such as `csv`) at `output`, or
    `in-files` to write texts into copies of the pictures in the folder `output`, or without one into the pictures
    themselves. `journal` is the journal file (None: `JOURNAL` in the folder). Captions with less confidence than
    `min_confidence` are held back (None: below `showtell.alt_text.doubt.MIN_CONFIDENCE`, and those of pictures unlike
    the training pictures, as far as the model can tell), and so are captions that a likely tag contradicts; with
    `everything` no caption is held back. `style` makes texts of captions. `careful` leaves out what the model is unsure
    of. `keywords` adds tags in XMP and in files. `sidecar_name` is `full` for `photo.jpg.txt`, `stem` for `photo.txt`.
    `renew` captions pictures again that another model or other settings captioned. `batch_size` and `threads` are as
    for `Captioner.caption_stream`. `reading` says which pictures are read, and how.
    """

    format: str = "txt"
    output: Path | None = None
    journal: Path | None = None
    min_confidence: float | None = None
    rights: Rights = Rights()
    renew: bool = False
    batch_size: int = 32
    threads: int | None = None
    sidecar_name: SidecarName = "full"
    reading: ReadOptions = ReadOptions()
    style: TextStyle = TextStyle()
    everything: bool = False
    careful: bool = True
    keywords: bool = False

    def __post_init__(self) -> None:
        if self.format not in (*SIDECARS, IN_FILES, *names_of("table")):
            choices = ", ".join([*SIDECARS, IN_FILES, *names_of("table")])
            raise InputError(f"texts cannot be written as {self.format!r}: choose one of {choices}")
        if self.format in SIDECARS and self.output:
            raise InputError(f"{self.format} files go beside the pictures: leave out --output, or choose a table")
        if self.format not in (*SIDECARS, IN_FILES) and not self.output:
            raise InputError(f"a {self.format} table needs a file: add --output")
        if self.rights.merge and self.format != "xmp":
            raise InputError("--merge works only with XMP files: add --format xmp, or leave it out")
        if self.sidecar_name not in get_args(SidecarName):
            raise InputError(f"the sidecar name must be full or stem, not {self.sidecar_name!r}")
        if self.everything and self.min_confidence:
            raise InputError("--all holds nothing back: leave it or --min-confidence out")
        if self.keywords and self.format not in ("xmp", IN_FILES):
            raise InputError(
                "keywords go into XMP or into pictures: add --format xmp or --into-files, or leave them out"
            )
        if self.batch_size < 1:
            raise InputError("the batch size must be at least 1")


def run_to_text(options: AltTextOptions) -> str:
    """The options that decide which texts are written where, as the journal stores them for the review page."""
    style = options.style
    values = {
        "format": options.format,
        "output": str(options.output.absolute()) if options.output else None,
        "min_confidence": options.min_confidence,
        "sidecar_name": options.sidecar_name,
        "style": [style.style, style.prefix, style.max_chars],
        "everything": options.everything,
        "keywords": options.keywords,
    }
    return json.dumps(values)


def run_from_text(text: str) -> AltTextOptions:
    """The inverse of `run_to_text`; the usual options if there was no run."""
    values = json.loads(text) if text else {}
    if values.get("output"):
        values["output"] = Path(values["output"])
    if "style" in values:
        values["style"] = TextStyle(*values["style"])
    return AltTextOptions(**values)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one picture; `problem` is why it was rejected or failed, `doubt` why its caption is held back."""

    name: str
    step: Step
    entry: Entry | None
    problem: str = ""
    doubt: Doubt | None = None


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
