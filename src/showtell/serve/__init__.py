"""Captions over HTTP: a page for people and REST for programs (`showtell serve`); needs the extra `serve`.

from showtell.serve import create_app
app.mount("/captions", create_app())           # in another ASGI application
# uvicorn --factory showtell.serve:create_app    # alone
"""

from showtell.serve.create import create_app

__all__ = ["create_app"]
