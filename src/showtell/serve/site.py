"""The files of a page, read once from the package and served under their own names.

Browsers revalidate a file on each request by an ETag of its hash (RFC 9110, section 8.8.3).
"""

from importlib import resources
from pathlib import PurePath

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from showtell.files import sha256_of

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def add_site(app: FastAPI, folder: str, index: str, *, at: str = "/") -> None:
    """Serve the files of `folder`, and those that all pages and reports share; `index` is the page `at` this path."""
    package = resources.files("showtell")
    # The style sheet of evaluations also has the colors of all charts.
    folders = (package / "serve" / folder, package / "visualization", package / "evaluation" / "report")
    for file in (file for each in folders for file in each.iterdir()):
        kind = _TYPES.get(PurePath(file.name).suffix)
        if kind:
            path = at if file.name == index else f"/{file.name}"
            _add(app, path, file.read_bytes(), kind)


def _add(app: FastAPI, path: str, data: bytes, kind: str) -> None:
    tag = f'"{sha256_of(data)[:16]}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=kind, headers=headers)

    app.add_route(path, answer, methods=["GET"], include_in_schema=False)
