"""The service as an application that another ASGI application mounts, or that any ASGI server runs."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from showtell.errors import require

if TYPE_CHECKING:
    from fastapi import FastAPI

    from showtell.serve.limits import Limits


def create_app(
    model: str | Path | Sequence[str | Path] | None = None,
    *,
    token: str = "",
    origins: Collection[str] = (),
    hosts: Collection[str] = (),
    limits: "Limits | None" = None,
    addresses: bool = False,
    threads: int | None = None,
    log: bool = False,
) -> "FastAPI":
    """A service with its page, REST and /docs, as an ASGI application. It loads the model at once.

    Arguments:
        model: as for `showtell.Captioner`.
        token: bearer token that clients must send.
        origins: web pages that may use the service from another host (CORS), such as `https://example.org`.
        hosts: accepted names in the Host header; empty for any, which suits an application behind a proxy.
        limits: `showtell.serve.limits.Limits` of a request; None for the usual ones.
        addresses: fetch pictures from addresses, too.
        threads: threads of the networks; None for one per core.
        log: write a line for each request to the child `access` of the logger `showtell`.

    Raises:
        BundleError: the model cannot be loaded.
        MissingExtra: the packages of the extra `serve` are not installed.
    """
    require("fastapi", "prometheus_client", "python_multipart", extra="serve", what="showtell.serve")

    from showtell.captioning.captioner import Captioner
    from showtell.serve.app import make_app
    from showtell.serve.auth import Access
    from showtell.serve.limits import Limits
    from showtell.serve.service import Service, ServiceOptions

    captioner = Captioner(model, threads=threads)
    service = Service(captioner, ServiceOptions(limits or Limits(), addresses=addresses))
    return make_app(service, Access(token, hosts, tuple(origins)), log=log)
