"""`showtell serve`: a web page and a REST service that caption pictures."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from showtell.cli import settings
from showtell.cli.settings import Resize
from showtell.errors import InputError, require
from showtell.models.names import DEFAULT_NAME

_LIMITS = "Limits"


def serve(
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="Model bundle: a file, or a name such as flickr8k. Repeat it to average several models.",
            metavar="MODEL",
            show_default=DEFAULT_NAME,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 accepts other machines.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    token: Annotated[
        str,
        typer.Option(envvar="SHOWTELL_TOKEN", help="Bearer token that clients must send.", show_default="none"),
    ] = "",
    allowed_host: Annotated[
        list[str] | None,
        typer.Option(help="Another host name to accept, for example behind a proxy. May be repeated.", metavar="NAME"),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            help="Web page that may use the service from another host, such as https://example.org; * for any. "
            "May be repeated.",
            metavar="ORIGIN",
        ),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Write a line for each request to stderr; never its content.")
    ] = False,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Also fetch pictures from public addresses.", rich_help_panel=_LIMITS)
    ] = False,
    max_upload: Annotated[
        float, typer.Option(help="Largest request, in MB.", rich_help_panel=_LIMITS, metavar="MB")
    ] = 64.0,
    max_pixels: Annotated[
        float, typer.Option(help="Largest picture, in millions of pixels.", rich_help_panel=_LIMITS)
    ] = 50.0,
    max_pictures: Annotated[int, typer.Option(help="Most pictures in a request.", rich_help_panel=_LIMITS)] = 32,
    max_seconds: Annotated[
        float, typer.Option(help="Longest time of a request, in seconds.", rich_help_panel=_LIMITS, metavar="SECONDS")
    ] = 30.0,
    queue: Annotated[
        int,
        typer.Option(help="Pictures that may wait; further requests are answered with 503.", rich_help_panel=_LIMITS),
    ] = 256,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures captioned together.")] = 16,
    batch_wait: Annotated[
        float, typer.Option(min=0, help="Longest wait for a batch to fill, in milliseconds.", metavar="MS")
    ] = 4.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the networks.", show_default="one per core")
    ] = None,
    resize: Annotated[
        Resize | None,
        typer.Option(
            help="Make pictures square by cropping, squashing or padding.", show_default="as the model was trained"
        ),
    ] = None,
) -> None:
    """Serve captions over HTTP: a web page for people, and REST for programs.

    Ctrl-C or SIGTERM stops the service. Accepted requests are finished first.

    Examples:

        showtell serve
        showtell serve --host 0.0.0.0 --model general-best
    """
    need_service("showtell serve")

    from showtell.captioning.captioner import Captioner
    from showtell.serve.app import make_app
    from showtell.serve.auth import Access, own_names
    from showtell.serve.engine import Batching
    from showtell.serve.limits import Limits
    from showtell.serve.run import address_of, listen, run_until_stopped, server_of
    from showtell.serve.service import Service, ServiceOptions

    if token and not token.isascii():
        raise InputError("a token must consist of ASCII letters, digits and signs: choose another")
    limits = Limits(round(max_upload * 10**6), round(max_pixels * 10**6), max_pictures, max_seconds, queue)
    listening = listen(host, port)
    settings.prepare_models(model)
    captioner = Captioner(model or None, resize=resize.value if resize else None, threads=threads)
    options = ServiceOptions(limits, Batching(batch_size, batch_wait / 1000), allow_urls)
    service = Service(captioner, options)
    access = Access(token, own_names(host, allowed_host or ()), _origins(cors or ()))
    if access_log:
        _log_to_stderr()
    app = make_app(service, access, log=access_log)

    def started() -> None:
        print(f"captions by {captioner.name} at {address_of(listening)}: Ctrl-C stops", file=sys.stderr, flush=True)

    run_until_stopped(server_of(app, 2 * max_seconds), listening, started)


def _origins(given: Sequence[str]) -> tuple[str, ...]:
    """The origins of --cors as browsers send them."""
    for one in given:
        scheme, _, rest = one.partition("://")
        if one != "*" and (scheme not in ("http", "https") or not rest or "/" in rest.rstrip("/")):
            raise InputError(f"--cors {one}: give an origin such as https://example.org, or * for any page")
    return tuple(one.rstrip("/").lower() for one in given)


def _log_to_stderr() -> None:
    logger = logging.getLogger("showtell.access")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def need_service(what: str) -> None:
    """Raise `MissingExtra` if the packages of the service are not installed."""
    require("fastapi", "uvicorn", extra="serve", what=what)
