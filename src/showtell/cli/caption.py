"""`showtell caption`: pictures in files, archives or on the web -> captions as text, JSON lines, CSV or a page."""

import contextlib
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from showtell.captioning.output.registry import (
    Layout,
    OutputFormat,
    find_output_format,
    format_of,
    names_of,
    output_formats,
)
from showtell.captioning.output.writing import writing
from showtell.cli import reading, settings
from showtell.cli.caption_job import BATCHES_IN_A_PIECE, Job
from showtell.cli.settings import Guide, Resize, choices, given, only_with
from showtell.errors import InputError
from showtell.models.names import DEFAULT_NAME

if TYPE_CHECKING:
    from rich.console import Console

    from showtell.captioning.captioner import Captioner
    from showtell.captioning.options import CaptionOptions
    from showtell.data.sources.gather import PictureSelection
    from showtell.images.preprocessing import ResizeMode

if TYPE_CHECKING:
    Format = str
else:
    Format = choices("Format", output_formats())

_FORMATS = "; ".join(f"{one.name}, {one.help}" for one in output_formats().values())

_OUTPUT, _TRUST, _DOWNLOADS, _SPEED = "Output", "Confidence and tags", "Downloads", "Speed"


def caption(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, folders, zip, tar or Parquet files, lists (.txt), quoted patterns, or addresses."
        ),
    ],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="Model bundle: a file, or a name such as flickr8k. Repeat it to average several models.",
            show_default=DEFAULT_NAME,
            metavar="MODEL",
        ),
    ] = None,
    random: Annotated[int | None, typer.Option(help="Caption only N pictures, chosen at random.")] = None,
    index: Annotated[
        list[int] | None, typer.Option(help="Caption only the picture at this position, from 0. May be repeated.")
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(
            help=f"Output format: {_FORMATS}.", show_default="by --output; else text", rich_help_panel=_OUTPUT
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write to this file.", show_default="the terminal", rich_help_panel=_OUTPUT
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write an HTML page with the pictures.", rich_help_panel=_OUTPUT)
    ] = None,
    show: Annotated[
        bool,
        typer.Option("--show", help="Draw the pictures on the terminal, with captions below.", rich_help_panel=_OUTPUT),
    ] = False,
    beam: settings.Beam = None,
    num_captions: settings.NumCaptions = 1,
    diversity: settings.Diversity = None,
    groups: settings.Groups = None,
    length_penalty: settings.LengthPenalty = None,
    min_length: settings.MinLength = None,
    max_length: settings.MaxLength = None,
    no_repeat_ngram: settings.NoRepeatNgram = None,
    must: settings.Must = None,
    must_not: settings.MustNot = None,
    prompt: settings.Prompt = None,
    sample: settings.Sample = False,
    temperature: settings.Temperature = None,
    top_k: settings.TopK = None,
    top_p: settings.TopP = None,
    seed: Annotated[int | None, typer.Option(help="Seed of --sample and --random.", show_default="random")] = None,
    attention: Annotated[
        bool,
        typer.Option(
            "--attention",
            help="Add where the model looked for each word, in JSON lines, Parquet and on the page.",
            rich_help_panel=_OUTPUT,
        ),
    ] = False,
    min_confidence: Annotated[
        float,
        typer.Option(
            help='Write "not sure" for captions with a lower confidence, from 0 to 1, and keep the caption as a guess.',
            rich_help_panel=_TRUST,
        ),
    ] = 0.0,
    tags: Annotated[
        int | None,
        typer.Option(min=0, help="Most tags of each picture.", show_default="5; none in text", rich_help_panel=_TRUST),
    ] = None,
    guide: Annotated[
        Guide,
        typer.Option(
            help="Make captions name the most certain tag; auto: if it suits the model.", rich_help_panel=_TRUST
        ),
    ] = Guide.auto,
    careful: Annotated[
        bool, typer.Option("--careful", help="Leave out what the model is unsure of.", rich_help_panel=_TRUST)
    ] = False,
    resize: Annotated[
        Resize | None,
        typer.Option(
            help="Make pictures square by cropping, squashing or padding.", show_default="as the model was trained"
        ),
    ] = None,
    max_size: Annotated[
        float, typer.Option(help="Largest picture to download, in MB.", metavar="MB", rich_help_panel=_DOWNLOADS)
    ] = 50.0,
    timeout: Annotated[
        float,
        typer.Option(help="Longest wait for a download, in seconds.", metavar="SECONDS", rich_help_panel=_DOWNLOADS),
    ] = 30.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures captioned together.", rich_help_panel=_SPEED)] = 32,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Threads that read pictures and run the networks.",
            show_default="one per core",
            rich_help_panel=_SPEED,
        ),
    ] = None,
    memory: settings.Memory = None,
    piece_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Store finished work beside --output, N pictures at a time, so that the run can resume.",
            rich_help_panel=settings.MACHINES,
        ),
    ] = None,
    ray: settings.Ray = None,
    ray_cores: settings.RayCores = 1,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Caption pictures.

    A picture that cannot be read is reported and makes the exit code 1; it never stops the run.

    Examples:

        showtell caption photo.jpg
        showtell caption photos/ holiday.zip --format jsonl -o captions.jsonl
        showtell caption photos/ --num-captions 3 --html page.html
    """
    written = find_output_format(format_of(format, output) or "text")
    if output and not output.parent.is_dir():
        raise InputError(f"{output}: there is no folder {output.parent}: create it, or name another file")
    if seed is not None and not sample and random is None:
        raise InputError("--seed only matters with --sample or --random: add one, or leave this out")
    if show and written.name != "text" and not output:
        raise InputError(f"--show draws where {written.name} would be written: add --output, or leave one out")
    drawing = only_with(sample, "--sample", given(temperature=temperature, top_k=top_k, top_p=top_p))
    options = {"num_captions": num_captions, "sample": sample} | drawing
    options |= given(beam=beam, length_penalty=length_penalty, min_length=min_length, max_length=max_length)
    options |= given(no_repeat_ngram=no_repeat_ngram, must=must, must_not=must_not, prompt=prompt)
    options |= given(diversity=diversity) | only_with(diversity is not None, "--diversity", given(groups=groups))
    options |= given(seed=seed if sample else None)

    if attention and not written.attention and not html:
        *others, last = [name for name in names_of("attention") if name != "html"]
        raise InputError(
            f"--attention is shown with --format {', '.join(others)} or {last} or --html: add one, or leave this out"
        )

    in_pieces = ray is not None or piece_size is not None
    if in_pieces:
        _check_pieces(written, output, bool(html or show))

    from showtell.captioning.captioner import Captioner
    from showtell.data.sources.gather import PictureSelection, Sample, WebOptions

    drawn = secrets.randbelow(10**6) if seed is None else seed
    wanted = Sample(random, drawn, tuple(index or ()))
    web = WebOptions(round(max_size * 10**6), timeout, not in_pieces)
    pictures = PictureSelection(sources, wanted, web, reading.read_options(exclude, zip_encoding, max_pixels, lenient))
    reading.print_remarks(pictures.remarks)
    way: ResizeMode | None = resize.value if resize else None
    settings.prepare_models(model)
    captioner = Captioner(model or None, resize=way, threads=threads)
    captioner.generator.memory = round(memory * 10**6) if memory else None
    # A bad option is reported before anything is read.
    chosen = captioner.caption_options(
        attention=attention, min_confidence=min_confidence, guide=guide.value, careful=careful, **options
    )
    if tags and not captioner.generator.tagger:
        raise InputError(f"{captioner.name}: has no tags: leave out --tags, or see docs/guide/tags.md")
    if random is not None:
        print(f"{pictures.count:,} of {pictures.total:,} pictures; --seed {drawn} chooses them again", file=sys.stderr)
    layout = Layout(tags, model=captioner.name, preprocessing=captioner.encoder.info.preprocessing)
    if in_pieces and output:
        job = Job(
            output, written.name, layout, piece_size or BATCHES_IN_A_PIECE * batch_size, batch_size, ray, ray_cores
        )
        done = job.run(pictures, captioner, model, way, chosen)
        failed, unfamiliar = done.failed, done.unfamiliar
    else:
        run = _WholeRun(written, output, html, show, layout, batch_size)
        failed, unfamiliar = run.caption(pictures, captioner, chosen)
    if html:
        print(f"page: {html}", file=sys.stderr)
    _report(pictures.count, failed, unfamiliar)


def _check_pieces(written: OutputFormat, output: Path | None, shown: bool) -> None:
    """Raise an `InputError` where captions that are stored piece by piece cannot be written as asked."""
    if shown:
        raise InputError("--html and --show need all pictures here: leave out --ray and --piece-size")
    if written.pictures:
        raise InputError(f"--format {written.name} needs all pictures here: leave out --ray and --piece-size")
    if not output:
        raise InputError("finished pieces are stored beside --output: add it, or leave out --ray and --piece-size")


def _console() -> "Console":
    from rich.console import Console  # to import it takes some 40 ms, and few commands show pictures

    return Console(highlight=False)


@dataclass(frozen=True, slots=True)
class _WholeRun:
    """A run that is not cut into pieces: where captions go, and how."""

    format: OutputFormat
    output: Path | None
    html: Path | None
    show: bool
    layout: Layout
    batch_size: int

    def caption(
        self, pictures: "PictureSelection", captioner: "Captioner", options: "CaptionOptions"
    ) -> tuple[int, int]:
        """Caption all pictures; return how many could not be read, and how many are unfamiliar."""
        from showtell.captioning.output.gallery import show_result, with_thumbnails
        from showtell.progress import bar

        failed = unfamiliar = 0
        with contextlib.ExitStack() as stack:
            page = stack.enter_context(writing("html", self.html, self.layout)) if self.html else None
            wanted = self.output is not None or not self.show
            write = stack.enter_context(writing(self.format.name, self.output, self.layout)) if wanted else None
            console = _console() if self.show else None
            stream = pictures.read()
            shown = self.html or self.show or self.format.pictures
            # A download has its own bar, and captions that appear one by one need none.
            progress = self.output is not None and not pictures.on_the_web and not self.show
            tick = stack.enter_context(bar("captioning", pictures.count, "pictures", show=progress))
            for result in captioner.caption_stream(
                with_thumbnails(stream) if shown else stream, batch_size=self.batch_size, options=options
            ):
                if write:
                    write(result)
                if page:
                    page(result)
                if console:
                    show_result(console, result)
                failed += result.caption is None
                unfamiliar += bool(result.caption and result.caption.unfamiliar)
                tick(1)
        return failed, unfamiliar


def _report(count: int, failed: int, unfamiliar: int) -> None:
    """Print what to check; exit code 1 if pictures could not be read."""
    if unfamiliar:
        print(
            f"{unfamiliar} of {count} pictures are unlike those that the model was trained on: "
            "check their captions (--format jsonl says which)",
            file=sys.stderr,
        )
    if failed:
        print(f"{failed} of {count} pictures could not be read", file=sys.stderr)
        raise typer.Exit(1)
