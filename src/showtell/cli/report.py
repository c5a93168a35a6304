"""`showtell report`: an evaluation and its pictures -> an HTML page."""

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from showtell.cli import reading
from showtell.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from showtell.data.sources.picture_source import PictureSource


def report(
    evaluation: Annotated[Path, typer.Argument(help="JSON file from showtell evaluate --out.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML page to write.")] = Path("report.html"),
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--pictures", "--images", help="Picture source to show pictures from. May be repeated.", metavar="SOURCE"
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the training run, for its curves.", metavar="FOLDER")
    ] = None,
    exclude: reading.Exclude = None,
    zip_encoding: reading.ZipEncoding = None,
    max_pixels: reading.MaxPixels = None,
    lenient: reading.Lenient = False,
) -> None:
    """Make one HTML file from an evaluation, with pictures and charts inside it.

    Examples:

        showtell report evaluation.json --pictures val.zip --run runs/mine --out report.html
    """
    from showtell.evaluation import read_evaluation
    from showtell.evaluation.report.choice import choose
    from showtell.evaluation.report.page import evaluation_page
    from showtell.files import write_bytes

    found = read_evaluation(evaluation)
    epochs = _epochs(run) if run else []
    chosen = choose(found)
    options = reading.read_options(exclude, zip_encoding, max_pixels, lenient)
    images = thumbnails(reading.open_pictures(pictures, options), chosen.names()) if pictures else {}
    page = evaluation_page(found, images.get, epochs, chosen=chosen)
    try:
        write_bytes(out, page.encode())
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror})") from error
    print(f"report: {out}")


def thumbnails(source: "PictureSource", wanted: set[str]) -> "dict[str, Image.Image]":
    """Thumbnails of the `wanted` pictures that can be read."""
    import contextlib

    from showtell.errors import PictureError
    from showtell.images.decode import decode
    from showtell.progress import bar
    from showtell.visualization.html import THUMBNAIL

    names = source.names()
    called = _matched(wanted, names)
    if not called:
        raise InputError(f"{source}: has none of the evaluation's pictures: give the pictures that were evaluated")
    images = {}
    with bar("reading", len(called), "pictures") as tick:
        for picture in source.read(skip=set(names) - set(called)):
            with contextlib.suppress(PictureError):
                image = decode(picture.data, picture.decoding)
                image.thumbnail((THUMBNAIL, THUMBNAIL))
                images[called[picture.name]] = image
            tick(1)
    return images


def _matched(wanted: set[str], names: list[str]) -> dict[str, str]:
    """For each picture's name the wanted name that matches it: the same name, or one with the same file name.

    Training pictures have the names of a caption file, which may lack the folder.
    """
    bases = Counter(PurePosixPath(name).name for name in names)
    called = {}
    for name in names:
        base = PurePosixPath(name).name
        if name in wanted:
            called[name] = name
        elif base in wanted and bases[base] == 1:
            called[name] = base
    return called


def _epochs(run: Path) -> list[dict[str, Any]]:
    from showtell.files import parse_json

    path = run / "metrics.jsonl"
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}): give --run the folder of a training run"
        ) from error
    return [parse_json(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]
