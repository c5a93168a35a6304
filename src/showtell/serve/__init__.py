"""Captions over HTTP: a page for people and REST for programs (`showtell serve`); needs the extra `serve`.

    from showtell import create_app
    app.mount("/captions", create_app())    # in another ASGI application
    uvicorn.run(create_app())               # alone

`app` has the routes, `service` the path of a request, `engine` the thread that captions, and `page` the files of the
web page. `docs_page` is the page for programs, `review_app` the page of `showtell review`. `watch_app`, `watch_state`
and `watch_page` are the page of a training run (`showtell train --watch`).
"""

from showtell.serve.create import create_app

__all__ = ["create_app"]
