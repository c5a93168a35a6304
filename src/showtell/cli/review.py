"""`showtell review`: a page in the browser on which a person decides about doubtful alt texts."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from showtell.cli.serve import need_service

_HOST = "127.0.0.1"  # the page shows pictures and writes files, so only this machine may see it


def review(
    folder: Annotated[Path, typer.Argument(help="Folder that showtell alt-text has captioned.", metavar="FOLDER")],
    all: Annotated[bool, typer.Option("--all", help="Show every caption, not only those that may be wrong.")] = False,
    journal: Annotated[
        Path | None,
        typer.Option(help="Journal of showtell alt-text.", show_default=".showtell-alt-text in the folder"),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = 0,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.", show_default="open")
    ] = True,
) -> None:
    """Review doubtful alt texts in the browser: accept, edit or reject each, by keyboard or mouse.

    Each decision is written at once, where showtell alt-text wrote its texts, and counts as yours: no later run
    overwrites it. Ctrl-C ends the review.

    Examples:

        showtell review photos/
        showtell review photos/ --all --no-open --port 8100
    """
    need_service("showtell review")

    from showtell.alt_text.review import Review
    from showtell.serve.auth import Access, own_names
    from showtell.serve.review_app import make_review_app
    from showtell.serve.run import address_of, listen, run_until_stopped, server_of

    with Review(folder, journal, everything=all) as work:
        count = len(work.pictures)
        if not count:
            print(f"{folder}: no caption waits for a person" + ("" if all else " (--all shows every caption)"))
            return
        listening = listen(_HOST, port)
        address = address_of(listening)

        def started() -> None:
            print(
                f"{count} caption{'s' * (count != 1)} to review at {address}: Ctrl-C stops", file=sys.stderr, flush=True
            )
            if open_page:
                webbrowser.open(address)

        app = make_review_app(work, Access(hosts=own_names(_HOST, ())))
        run_until_stopped(server_of(app, 1.0), listening, started)
