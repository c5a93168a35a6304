"""`showtell serve`: a web page and a REST service that caption pictures."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from showtell.cli.settings import Resize
from showtell.errors import InputError, MissingExtra

_LIMITS = "What is accepted"


def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="A model bundle; several that were trained alike write together.", show_default="that of the package"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 8000,
    token: Annotated[
        str,
        typer.Option(envvar="SHOWTELL_TOKEN", help="A bearer token that clients must send.", show_default="none"),
    ] = "",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that the service goes by, such as behind a proxy; may be given again."),
    ] = None,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch pictures from public addresses, too.", rich_help_panel=_LIMITS)
    ] = False,
    max_upload: Annotated[float, typer.Option(help="Megabytes of a request.", rich_help_panel=_LIMITS)] = 64.0,
    max_pixels: Annotated[float, typer.Option(help="Millions of pixels of a picture.", rich_help_panel=_LIMITS)] = 50.0,
    max_pictures: Annotated[int, typer.Option(help="Pictures of a request.", rich_help_panel=_LIMITS)] = 32,
    max_seconds: Annotated[float, typer.Option(help="Seconds of a request.", rich_help_panel=_LIMITS)] = 30.0,
    queue: Annotated[
        int, typer.Option(help="Pictures that may wait; more are told to come later.", rich_help_panel=_LIMITS)
    ] = 256,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through the network at once.")] = 16,
    batch_wait: Annotated[float, typer.Option(min=0, help="Milliseconds that a batch waits to fill.")] = 4.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network.", show_default="one per core")
    ] = None,
    resize: Annotated[Resize | None, typer.Option(help="How pictures are made square. [default: model's]")] = None,
) -> None:
    """Serve captions: a web page to look at, and REST for programs.

    Ctrl-C or SIGTERM stops it; requests that were accepted are finished first.
    """
    need_service("showtell serve")

    from showtell.captioning.captioner import Captioner
    from showtell.serve.app import make_app
    from showtell.serve.engine import Batching
    from showtell.serve.guard import Door, own_names
    from showtell.serve.limits import Limits
    from showtell.serve.run import address_of, listen, run_until_stopped, server_of
    from showtell.serve.service import Service, ServiceOptions

    if token and not token.isascii():
        raise InputError("a token must be of ASCII letters, digits and signs: choose another")
    limits = Limits(round(max_upload * 10**6), round(max_pixels * 10**6), max_pictures, max_seconds, queue)
    listening = listen(host, port)
    captioner = Captioner(model or None, resize=resize.value if resize else None, threads=threads)
    options = ServiceOptions(limits, Batching(batch_size, batch_wait / 1000), allow_urls)
    service = Service(captioner, options)
    app = make_app(service, Door(token, own_names(host, allowed_host or ())))

    def started() -> None:
        print(f"captions by {captioner.name} at {address_of(listening)}: Ctrl-C stops", file=sys.stderr, flush=True)

    run_until_stopped(server_of(app, 2 * max_seconds), listening, started)


def need_service(what: str) -> None:
    """Raise `MissingExtra` where the packages of the service are not installed."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(what, "serve") from error
