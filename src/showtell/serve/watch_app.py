"""The page of a training run, served by a thread beside it: curves, captions of a few pictures, a stop button."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import FastAPI, Query
from starlette.responses import Response

from showtell.serve.auth import Access, AccessMiddleware, own_names
from showtell.serve.run import address_of, listen, running_beside, server_of
from showtell.serve.site import add_site
from showtell.serve.watch_state import RunAnswer, Watching

_HOST = "127.0.0.1"  # the page shows pictures and has a stop button, so only this machine may see it


def make_watch_app(watching: Watching, access: Access) -> FastAPI:
    """The application that shows a run."""
    app = FastAPI(title="Showtell training", docs_url=None, redoc_url=None)

    @app.get("/v1/run")
    async def run(known: Annotated[int, Query(ge=-1)] = -1) -> RunAnswer:
        """The state of the run; `known` is the number of epochs that the page has already."""
        return watching.answer(known)

    @app.get("/v1/run/pictures/{place}", response_class=Response)
    async def picture(place: int) -> Response:
        """A sample, as a JPEG."""
        jpeg = watching.jpeg(place)
        return Response(jpeg, media_type="image/jpeg") if jpeg else Response(status_code=404)

    @app.post("/v1/run/stop", status_code=202)
    async def stop() -> dict[str, str]:
        """Stop after the next step; the run is saved first."""
        watching.stop()
        return {"state": "stopping"}

    add_site(app, "watch_page", "watch.html")
    app.add_middleware(AccessMiddleware, access=access, watch=lambda path, status, seconds: None)
    return app


@contextlib.contextmanager
def watched(port: int) -> Iterator[tuple[Watching, str]]:
    """A `Watching` and the address of its page, which is served while the block runs.

    Raises:
        InputError: the port is taken.
    """
    watching = Watching()
    listening = listen(_HOST, port)
    app = make_watch_app(watching, Access(hosts=own_names(_HOST, ())))
    with running_beside(server_of(app, 1.0), listening):
        try:
            yield watching, address_of(listening)
        except BaseException as error:
            watching.end(error)
            raise
        watching.end(None)
