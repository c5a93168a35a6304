"""A folder tree of pictures -> their captions, beside each picture or in one table.

The tree is walked once to plan the work and once to do it; between the walks only counts are kept. Captions are
committed to the journal, some at a time, before their files are written. So a run that stops, for whatever reason,
resumes where it was when it is started again.
"""

import itertools
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

from showtell.alt_text.describe import Elsewhere, described, read, unreadable
from showtell.alt_text.doubt import MIN_CONFIDENCE
from showtell.alt_text.in_files import InFiles
from showtell.alt_text.journal import Entry, Journal
from showtell.alt_text.options import (
    IN_FILES,
    JOURNAL,
    SIDECARS,
    AltTextOptions,
    AltTextTally,
    Outcome,
    Summary,
    run_to_text,
)
from showtell.alt_text.plan import Plan, Planner, Step
from showtell.alt_text.sidecars import Sidecar, text_line
from showtell.alt_text.table import Table
from showtell.captioning.caption import Caption, Captioned
from showtell.captioning.captioner import Captioner, fingerprint
from showtell.captioning.options import CaptionOptions, SearchKeywords
from showtell.data.sources.base import RawPicture, ReadOptions
from showtell.data.sources.folder import PictureFile, walk_pictures
from showtell.errors import InputError
from showtell.files import sha256_file, sha256_of
from showtell.progress import Tick, bar

_SECONDS_UNSETTLED = 0.5  # of work, roughly, that is lost if a run stops; a commit may take a good part of that
_MOST_UNSETTLED = 1000
_PICTURES_AT_ONCE = 100_000  # pictures for other machines at a time: enough that workers rarely start


def plan_alt_texts(
    folder: str | Path,
    captioner: Captioner,
    options: AltTextOptions,
    *,
    watch: Callable[[Outcome], None] = lambda _: None,
    show: bool = True,
    **search: Unpack[SearchKeywords],
) -> Summary:
    """Return what `write_alt_texts` would do, without doing it; the arguments and errors are the same."""
    folder = Path(folder)
    planner = _planner(folder, captioner, options, _caption_options(captioner, options, search))
    tally = AltTextTally(planner.settings)
    with (
        closing(Journal(options.journal or folder / JOURNAL, reading=True)) as journal,
        bar("scanning", None, "pictures", show=show) as tick,
    ):
        for picture in walk_pictures(folder, options.reading, tally.remarks):
            plan = planner.plan(picture, journal.get(picture.name))
            tally.add(plan, plan.step, plan.entry)
            watch(_outcome(picture.name, plan.step, plan.entry, plan.problem, planner))
            tick(1)
    return tally.summary()


def write_alt_texts(
    folder: str | Path,
    captioner: Captioner,
    options: AltTextOptions,
    *,
    watch: Callable[[Outcome], None] = lambda _: None,
    show: bool = True,
    elsewhere: Elsewhere | None = None,
    **search: Unpack[SearchKeywords],
) -> Summary:
    """Caption the new and changed pictures in a folder and below it, and write their texts.

    Arguments:
        folder: the top of the tree.
        captioner: the model.
        options: where the texts go, and what may be overwritten.
        watch: called with the outcome of each picture.
        show: show progress on stderr.
        elsewhere: captions the pictures on other machines, such as `showtell.ray.captions_on`; None captions here.
        search: fields of `showtell.search.SearchOptions` that differ from the model's defaults.

    Raises:
        InputError: the folder or an option is wrong, or someone else changed the table.
        ShowtellError: the journal can no longer be written; captions until then are not lost.
    """
    folder = Path(folder)
    captions = _caption_options(captioner, options, search)
    planner = _planner(folder, captioner, options, captions)
    todo = plan_alt_texts(folder, captioner, options, show=show, **search).count(Step.CAPTION, Step.WRITE)
    with closing(Journal(options.journal or folder / JOURNAL)) as journal:
        table = _table(options, journal)
        journal.note_run(run_to_text(options))
        with bar("captioning", todo, "pictures", show=show and todo > 0) as tick:
            tally = AltTextTally(planner.settings)
            run = _Run(folder, captioner, options, captions, journal, planner, tally, watch, tick, elsewhere)
            run.work()
        if table:
            table.write(_rows(folder, options.reading, journal, planner))
    return run.tally.summary()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A picture with a caption whose file is not written yet."""

    picture: PictureFile
    plan: Plan
    entry: Entry


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A picture that is being captioned, and the SHA-256 of its bytes."""

    picture: PictureFile
    plan: Plan
    content: str


@dataclass(slots=True)
class _Run:
    """The second walk, which does the work."""

    folder: Path
    captioner: Captioner
    options: AltTextOptions
    captions: CaptionOptions
    journal: Journal
    planner: Planner
    tally: AltTextTally
    watch: Callable[[Outcome], None]
    tick: Tick
    elsewhere: Elsewhere | None
    _waiting: list[_Waiting] = field(default_factory=list)
    _noted: list[tuple[str, Entry]] = field(default_factory=list)
    _settled: float = 0.0

    def work(self) -> None:
        try:
            self._caption_here() if self.elsewhere is None else self._caption_elsewhere(self.elsewhere)
        finally:  # also after an interrupt: captions are kept
            self._settle()
            self.journal.put(self._noted)

    def _caption_here(self) -> None:
        batch_size, threads = self.options.batch_size, self.options.threads
        stream = self.captioner.caption_stream(
            self._unknown(), batch_size=batch_size, threads=threads, options=self.captions
        )
        for result in stream:
            read = result.source
            assert isinstance(read, _InFlight)
            self.tally.captioned += result.caption is not None
            entry = described(read.picture, read.content, self.planner.settings, result)
            self._wait(read.picture, read.plan, entry)

    def _caption_elsewhere(self, elsewhere: Elsewhere) -> None:
        wanted = self._wanted()
        while some := list(itertools.islice(wanted, _PICTURES_AT_ONCE)):
            for place, entry in elsewhere([picture for picture, _ in some], self.planner.settings):
                self.tally.captioned += not entry.error
                self._wait(*some[place], entry)

    def _wanted(self) -> Iterator[tuple[PictureFile, Plan]]:
        """The pictures to caption; the others are settled on the way."""
        for picture in walk_pictures(self.folder, self.options.reading, self.tally.remarks):
            plan = self.planner.plan(picture, self.journal.get(picture.name))
            if plan.step is Step.CAPTION:
                yield picture, plan
            elif plan.step is Step.WRITE and plan.entry:
                self._wait(picture, plan, plan.entry)
            else:
                if (
                    plan.entry
                    and plan.step is Step.UNCHANGED
                    and plan.standing.written not in (None, plan.entry.written)
                ):
                    # Written by a run that was killed before it noted that.
                    self._noted.append((picture.name, replace(plan.entry, written=plan.standing.written)))
                self._report(picture, plan, plan.step, plan.entry, plan.problem)

    def _unknown(self) -> Generator[RawPicture, None, None]:
        """Those of them whose bytes are new as well."""
        for picture, plan in self._wanted():
            raw, content = read(picture)
            if raw.error:
                self._wait(picture, plan, unreadable(raw.error, self.planner.settings))
            elif known := self.journal.with_content(content, self.planner.settings):
                self.tally.known += 1
                self._wait(picture, plan, replace(known, size=picture.size, modified=picture.modified))
            else:
                yield replace(raw, source=_InFlight(picture, plan, content))

    def _wait(self, picture: PictureFile, plan: Plan, entry: Entry) -> None:
        """Queue a picture for writing; until then the file beside it is ours if it was before."""
        written = plan.standing.written
        if written is None:
            written = plan.entry.written if plan.entry else ""
        intended = sha256_of(text_line(self.planner.text_of(entry).text))
        entry = replace(entry, written=written, intended=intended)
        self._waiting.append(_Waiting(picture, plan, entry))
        if time.monotonic() - self._settled > _SECONDS_UNSETTLED or len(self._waiting) == _MOST_UNSETTLED:
            self._settle()

    def _settle(self) -> None:
        self.journal.put([*self._noted, *((one.picture.name, one.entry) for one in self._waiting)])
        self._noted.clear()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            step, problem = self._finish(one)
            self._report(one.picture, one.plan, step, one.entry, problem)
            self.tick(1)
        self._settled = time.monotonic()

    def _finish(self, one: _Waiting) -> tuple[Step, str]:
        """Write the file beside a picture; return the picture's step and problem."""
        sidecar, standing, entry = self.planner.sidecar, one.plan.standing, one.entry
        if entry.error:
            return Step.REJECTED, entry.error
        held = self.planner.holds_back(entry)
        text = self.planner.text_of(entry)
        if sidecar and (standing.ours if held else not standing.says(text)):
            try:
                written = sidecar.write(sidecar.path(one.picture.path), None if held else text, standing)
            except InputError as error:
                return Step.FAILED, str(error)
            if written is not None:
                self._noted.append((one.picture.name, replace(entry, written=written)))
            elif sidecar.changes_pictures:
                self._noted.append((one.picture.name, of_changed_picture(entry, one.picture.path)))
        elif sidecar and not held:
            return Step.UNCHANGED, ""
        return Step.HELD if held else Step.WRITTEN, ""

    def _report(self, picture: PictureFile, plan: Plan, step: Step, entry: Entry | None, problem: str) -> None:
        self.tally.add(plan, step, entry)
        self.watch(_outcome(picture.name, step, entry, problem, self.planner))


def of_changed_picture(entry: Entry, picture: Path) -> Entry:
    """The entry of a picture into whose file a text was just written."""
    status = picture.stat()
    return replace(entry, size=status.st_size, modified=status.st_mtime_ns, content=sha256_file(picture))


def _outcome(name: str, step: Step, entry: Entry | None, problem: str, planner: Planner) -> Outcome:
    doubt = planner.doubt(entry) if entry and step is Step.HELD else None
    return Outcome(name, step, entry, problem, doubt)


def _caption_options(captioner: Captioner, options: AltTextOptions, search: SearchKeywords) -> CaptionOptions:
    return captioner.caption_options(careful=options.careful, **search)


def _planner(folder: Path, captioner: Captioner, options: AltTextOptions, captions: CaptionOptions) -> Planner:
    least = MIN_CONFIDENCE if options.min_confidence is None else options.min_confidence
    if options.min_confidence is not None:  # an error if the model has no confidence
        captioner.caption_options(replace(captions, min_confidence=least))
    # Captions of earlier releases keep their key.
    careful = {"careful": True} if options.careful else {}
    settings = fingerprint(captioner, captions.search, **careful)
    return Planner(
        sidecar_of(folder, options),
        settings,
        least,
        options.renew,
        options.rights.others,
        options.everything,
        options.style,
        options.keywords,
        familiar_only=options.min_confidence is None,
    )


def sidecar_of(folder: Path, options: AltTextOptions) -> Sidecar | None:
    """Where the text of each picture goes; None for a table."""
    if options.format == IN_FILES:
        return InFiles(folder, options.output, options.rights)
    kind = SIDECARS.get(options.format)
    return kind(options.rights, options.sidecar_name) if kind else None


def _table(options: AltTextOptions, journal: Journal) -> Table | None:
    if options.format in (*SIDECARS, IN_FILES) or options.output is None:
        return None
    return Table(options.output, options.format, journal, overwrite=options.rights.others)


def _rows(folder: Path, reading: ReadOptions, journal: Journal, planner: Planner) -> Iterator[Captioned]:
    for picture in walk_pictures(folder, reading):
        entry = journal.get(picture.name)
        if picture.error or (entry and entry.error):
            yield Captioned(picture.name, None, picture.error or (entry.error if entry else ""))
        elif entry:
            text, guess = planner.text_of(entry).text, ""
            if planner.holds_back(entry):
                text, guess = "", text
            caption = Caption(
                text, entry.score, (), confidence=entry.confidence, unfamiliar=entry.unfamiliar, guess=guess
            )
            yield Captioned(picture.name, caption)
