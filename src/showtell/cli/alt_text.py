"""`showtell alt-text`: a folder tree of pictures -> a text beside each, or one table of all."""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.captioning.output.registry import format_of, names_of
from showtell.cli import reading, settings
from showtell.cli.settings import Resize, choices, given
from showtell.errors import InputError, shown
from showtell.files import write_beside
from showtell.models.names import DEFAULT_NAME

_BESIDE = ("txt", "xmp")

if TYPE_CHECKING:
    from showtell.alt_text import AltTextOptions, Outcome, Summary
    from showtell.images.preprocessing import ResizeMode

    Format = str
else:
    Format = choices("Format", [*_BESIDE, *names_of("table")])

HELD_BACK = 3
"""Exit code: every picture could be read, but some captions were held back for a person to look at."""
TO_DO = 4
"""Exit code of a dry run: there is something to do."""
_SHOWN = 5  # problems to print; --review has all


class TextStyleName(StrEnum):
    """How captions are written as alt texts."""

    sentence = "sentence"
    plain = "plain"


class SidecarName(StrEnum):
    """The name of the file beside a picture."""

    full = "full"
    stem = "stem"


def alt_text(
    folder: Annotated[
        Path, typer.Argument(help="Folder with pictures; its subfolders are included.", metavar="FOLDER")
    ],
    format: Annotated[
        Format | None,
        typer.Option(
            help="Write a .txt or .xmp file beside each picture, or one table to --output.",
            show_default="by --output; else txt",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table to write, with --format csv, jsonl or parquet.")
    ] = None,
    into_files: Annotated[
        Path | None,
        typer.Option(help="Write texts into copies of the pictures, in this folder.", metavar="FOLDER"),
    ] = None,
    into_originals: Annotated[
        bool,
        typer.Option(
            "--into-originals", help="Write texts into the pictures themselves; keep photo.jpg_original beside each."
        ),
    ] = False,
    keywords: Annotated[
        bool, typer.Option("--keywords", help="In XMP and pictures: also write likely tags as keywords.")
    ] = False,
    style: Annotated[
        TextStyleName, typer.Option(help="Write a sentence with a capital and a full stop, or the plain caption.")
    ] = TextStyleName.sentence,
    prefix: Annotated[
        str, typer.Option(help="Put this before every text, such as 'Photo:'.", show_default="none")
    ] = "",
    max_chars: Annotated[
        int | None,
        typer.Option(help="Shorten longer texts to this many characters.", show_default="no limit"),
    ] = None,
    careful: Annotated[
        bool, typer.Option("--careful/--no-careful", help="Leave out of captions what the model is unsure of.")
    ] = True,
    all: Annotated[
        bool,
        typer.Option("--all", help="Hold no caption back: also write those that may be wrong."),
    ] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            help="Hold captions with a lower confidence back, from 0 to 1.",
            show_default="0.5, and unfamiliar pictures",
        ),
    ] = None,
    review: Annotated[
        Path | None, typer.Option(help="List what a person should check in this file, as JSON lines.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and change nothing.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Add missing texts to XMP files of other programs.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace texts that Showtell wrote and someone has changed since.")
    ] = False,
    overwrite_others: Annotated[
        bool, typer.Option("--overwrite-others", help="Also replace texts by people and other programs.")
    ] = False,
    sidecar_name: Annotated[
        SidecarName, typer.Option(help="Name of the file beside photo.jpg: photo.jpg.txt (full) or photo.txt (stem).")
    ] = SidecarName.full,
    renew: Annotated[
        bool,
        typer.Option("--renew", help="Caption pictures again whose captions have another model or other settings."),
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(help="File that records what was done.", show_default=".showtell-alt-text in the folder"),
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="Model bundle: a file, or a name such as flickr8k. Repeat it to average several models.",
            show_default=DEFAULT_NAME,
            metavar="MODEL",
        ),
    ] = None,
    beam: settings.Beam = None,
    length_penalty: settings.LengthPenalty = None,
    min_length: settings.MinLength = None,
    max_length: settings.MaxLength = None,
    no_repeat_ngram: settings.NoRepeatNgram = None,
    must_not: settings.MustNot = None,
    prompt: settings.Prompt = None,
    resize: Annotated[
        Resize | None,
        typer.Option(
            help="Make pictures square by cropping, squashing or padding.", show_default="as the model was trained"
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures captioned together.")] = 32,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that read pictures and run the networks.", show_default="one per core"),
    ] = None,
    ray: settings.Ray = None,
    ray_cores: settings.RayCores = 1,
    exclude: reading.Exclude = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Write alt text for every picture of a folder tree: a file beside each picture, one table, or into the pictures.

    Captions that may be wrong get no text until someone has looked at them with showtell review. Runs are incremental:
    only new and changed pictures are captioned, and a stopped run resumes. Text written by people or other programs is
    never overwritten.

    Examples:

        showtell alt-text photos/
        showtell alt-text photos/ --format csv -o captions.csv --max-chars 125
        showtell alt-text photos/ --into-files published/ --keywords
    """
    from showtell.alt_text import AltTextOptions, Rights, Step, TextStyle, plan_alt_texts, write_alt_texts
    from showtell.captioning.captioner import Captioner

    rights = Rights(merge, overwrite, overwrite_others)
    reads = reading.read_options(exclude, None, max_pixels, lenient)
    options = AltTextOptions(
        *_place(format, output, into_files, into_originals),
        journal,
        min_confidence,
        rights,
        renew,
        batch_size,
        threads,
        sidecar_name.value,
        reads,
        TextStyle(style.value, prefix, max_chars),
        everything=all,
        careful=careful,
        keywords=keywords,
    )
    search = given(beam=beam, length_penalty=length_penalty, min_length=min_length, max_length=max_length)
    search |= given(no_repeat_ngram=no_repeat_ngram, must_not=must_not, prompt=prompt)
    way: ResizeMode | None = resize.value if resize else None
    settings.prepare_models(model)
    captioner = Captioner(model or None, resize=way)
    with _listed(review) as list_it, contextlib.ExitStack() as stack:
        report = _Report(dry_run, list_it)
        elsewhere = None
        if ray and not dry_run:
            from showtell.ray import captions_on, cluster

            elsewhere = captions_on(
                model,
                way,
                captioner.caption_options(careful=careful, **search),
                batch_size=batch_size,
                cores=ray_cores,
            )
            stack.enter_context(cluster(ray))
        if dry_run:
            summary = plan_alt_texts(folder, captioner, options, watch=report, **search)
        else:
            summary = write_alt_texts(folder, captioner, options, watch=report, elsewhere=elsewhere, **search)
        for kind in summary.remarks.to_json():
            list_it({"name": kind["first"], "why": "not read"} | kind)
    reading.print_remarks(summary.remarks)
    print(_summary_lines(summary, folder, options, dry_run))
    for name, problem in report.problems:
        print(f"  {shown(name)}: {shown(problem)}")
    if dry_run:
        raise typer.Exit(TO_DO if summary.count(Step.CAPTION, Step.WRITE) else 0)
    full = {os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
    if any(reason in problem for _, problem in report.problems for reason in full):
        print("showtell: the disk is full: make room, then run the command again", file=sys.stderr)
    if summary.count(Step.REJECTED, Step.FAILED):
        raise typer.Exit(1)
    if summary.count(Step.HELD):
        raise typer.Exit(HELD_BACK)


def _place(
    format: str | None, output: Path | None, into_files: Path | None, into_originals: bool
) -> tuple[str, Path | None]:
    """The format, and the table or the folder for copies."""
    if into_files is None and not into_originals:
        return _format(format, output), output
    given_ones = [name for name, one in (("--format", format), ("--output", output)) if one]
    if into_files and into_originals:
        given_ones.append("--into-originals")
    if given_ones:
        raise InputError(f"{given_ones[-1]} and --into-files say different places for the texts: leave one out")
    return "in-files", into_files


def _format(given: str | None, output: Path | None) -> str:
    """The given format, or that of the table by its name, or text files."""
    if given in _BESIDE:
        return str(given)
    return str(format_of(given, output, among=names_of("table")) or "txt")


class _Report:
    """Called with the outcome of each picture: keeps the first problems, and lists what a person should check."""

    def __init__(self, dry_run: bool, list_it: Callable[[dict[str, Any]], None]) -> None:
        self.dry_run, self.list_it = dry_run, list_it
        self.problems: list[tuple[str, str]] = []

    def __call__(self, outcome: "Outcome") -> None:
        entry, step = outcome.entry, outcome.step.value
        if self.dry_run and step in ("caption", "write"):
            print(f"{step}: {shown(outcome.name)}")
        if outcome.problem:
            self.list_it({"name": outcome.name, "why": step, "error": outcome.problem})
            if len(self.problems) < _SHOWN:
                self.problems.append((outcome.name, outcome.problem))
        elif entry and step in ("written", "unchanged", "held back") and (step == "held back" or entry.unfamiliar):
            tag = outcome.doubt.tag if outcome.doubt else ""
            strange = step != "held back" or bool(outcome.doubt and outcome.doubt.unfamiliar)
            why = "contradicted" if tag else "unfamiliar" if strange else step
            confidence = None if entry.confidence is None else round(entry.confidence, 4)
            facts = {"caption": entry.caption, "confidence": confidence, "unfamiliar": entry.unfamiliar}
            self.list_it({"name": outcome.name, "why": why} | facts | ({"tag": tag} if tag else {}))


@contextlib.contextmanager
def _listed(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that writes a line to the list for review, if there is one."""
    if path is None:
        yield lambda _: None
        return
    try:
        with write_beside(path) as file:

            def write(line: dict[str, Any]) -> None:
                file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())

            yield write
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def _summary_lines(summary: "Summary", folder: Path, options: "AltTextOptions", dry_run: bool) -> str:
    """The summary, a line for each fact."""
    from showtell.alt_text import Step

    would = "would be " if dry_run else ""
    held_back = options.min_confidence is None and not options.everything  # captions of unfamiliar pictures
    rows = [
        (summary.count(Step.CAPTION), "to caption"),
        (summary.count(Step.WRITE), "captioned before, with texts to write"),
        (summary.count(Step.WRITTEN), f"texts written, {summary.captioned:,} pictures captioned"),
        (summary.count(Step.UNCHANGED), "texts up to date"),
        (summary.count(Step.KEPT), f"{would}kept: people or other programs wrote them{_way(summary, options)}"),
        (
            summary.count(Step.HELD),
            "held back, as the caption may be wrong: look at them with showtell review, or add --all",
        ),
        (summary.count(Step.REJECTED), "that cannot be read"),
        (summary.count(Step.FAILED), f"whose {options.format} file cannot be read or written"),
        (0 if held_back else summary.unfamiliar, "unlike the pictures that the model was trained on: check them"),
        (summary.outdated, "from another model or other settings (--renew captions them again)"),
    ]
    lines = [f"  {count:>9,} {what}" for count, what in rows if count]
    return "\n".join([f"{folder}: {summary.pictures:,} picture{'s' * (summary.pictures != 1)}", *lines])


def _way(summary: "Summary", options: "AltTextOptions") -> str:
    if options.format == "xmp" and summary.mergeable:
        return f" (--merge adds texts to {summary.mergeable:,} files without one)"
    return " (--overwrite-others replaces their texts)"
