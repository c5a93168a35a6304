"""The service as an ASGI application: its routes, and how it reports errors. Needs the extra `serve`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request

from showtell._version import __version__
from showtell.serve.admission import Held
from showtell.serve.answers import Answer, Fault, ModelAnswer, model_answer
from showtell.serve.auth import Access, AccessMiddleware, error_response
from showtell.serve.bodies import JsonBody, first_error, read_json
from showtell.serve.http_errors import Refused, TooSlow
from showtell.serve.service import Service
from showtell.serve.settings import Settings
from showtell.serve.site import add_site
from showtell.serve.uploads import Upload, read_body, uploads_of

_FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "The request does not match its headers."},
    401: {"model": Fault, "description": "The service needs a token."},
    403: {"model": Fault, "description": "The service does not fetch addresses."},
    408: {"model": Fault, "description": "The request did not arrive in time."},
    413: {"model": Fault, "description": "The request has too many bytes or pictures."},
    422: {"model": Fault, "description": "No picture can be read, or a setting is wrong."},
    503: {
        "model": Fault,
        "description": "The service is busy.",
        "headers": {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds to wait."}},
    },
}
_BINARY = {"type": "string", "format": "binary"}


def make_app(service: Service, access: Access, *, log: bool = False) -> FastAPI:
    """The application around a service, which is closed when the application shuts down.

    Arguments:
        service: the service.
        access: who may use it.
        log: write each request to the logger `showtell.access`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="Showtell",
        summary="Captions for pictures.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from other hosts; /docs is our own
        redoc_url=None,
    )
    _add_routes(app, service)
    add_site(app, "page", "index.html")
    add_site(app, "docs_page", "docs.html", at="/docs")
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http_fault)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(AccessMiddleware, access=access, watch=service.counters.answered, log=log)
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(access.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
            max_age=3600,
        )
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/caption",
        response_model_exclude_none=True,
        responses=_FAULTS,
        openapi_extra={"requestBody": _body_schema(service)},
        operation_id="caption",
    )
    async def caption(request: Request, settings: Annotated[Settings, Query()]) -> Answer:
        """Caption pictures: one as the body, or one or more as files of a form.

        The answer keeps the order of the pictures. A picture that cannot be read has an `error` instead of a caption.
        If none can be read, the status is 422.
        """
        options = settings.options(service.captioner)
        with service.admission.holding() as held:
            return await service.caption(await _uploads(request, service, held), options, settings.tags)

    @app.get("/v1/model", responses={401: _FAULTS[401]}, operation_id="model")
    async def model() -> ModelAnswer:
        """The model, its abilities, and the limits of a request."""
        return model_answer(service.captioner, service.limits, service.options.addresses)

    @app.get("/healthz", response_class=PlainTextResponse, operation_id="alive")
    async def alive() -> str:
        """Whether the process is alive."""
        return "ok"

    @app.get("/readyz", response_class=PlainTextResponse, responses={503: {}}, operation_id="ready")
    async def ready() -> Response:
        """Whether the service would caption a picture now."""
        return PlainTextResponse("ok" if service.ready else "busy", 200 if service.ready else 503)

    @app.get("/metrics", response_class=PlainTextResponse, responses={401: _FAULTS[401]}, operation_id="metrics")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return PlainTextResponse(service.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _body_schema(service: Service) -> dict[str, Any]:
    """The body of `POST /v1/caption`, for OpenAPI. The service reads it itself, within limits and without a disk."""
    files = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": service.limits.pictures}
    form = {"type": "object", "properties": {"picture": files}, "required": ["picture"], "additionalProperties": False}
    content: dict[str, Any] = {
        "multipart/form-data": {"schema": form},
        "image/*": {"schema": _BINARY},
        "application/octet-stream": {"schema": _BINARY},
    }
    content["application/json"] = {"schema": _inlined(JsonBody.model_json_schema())}
    if not service.options.addresses:
        del content["application/json"]["schema"]["properties"]["urls"]
    return {"required": True, "content": content}


async def _uploads(request: Request, service: Service, held: Held) -> list[Upload]:
    try:
        async with asyncio.timeout(service.limits.seconds):
            body = await read_body(request, service.limits, held)
    except TimeoutError as error:
        raise TooSlow(service.limits.seconds) from error
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return uploads_of(body, kind, service.limits)
    uploads, urls = read_json(body, service.limits)
    return await service.fetched(urls, held) if urls else uploads


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without definitions of its own, which OpenAPI would look up elsewhere."""
    definitions = schema.pop("$defs", {})

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return replaced(definitions[value["$ref"].rpartition("/")[2]])
            return {key: replaced(one) for key, one in value.items()}
        return [replaced(one) for one in value] if isinstance(value, list) else value

    result: dict[str, Any] = replaced(schema)
    return result


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error_response(error)


async def _http_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = error.detail
    if error.status_code == 404:
        paths = [str(path) for path in request.app.openapi()["paths"]]
        message = f"there is no such address: there are /, /docs, /openapi.json, {', '.join(paths)}"
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"this address answers {allowed}, not {request.method}"
    return JSONResponse({"error": message}, error.status_code, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": first_error(error.errors()[0], "the request", Settings.model_fields)}, 422)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the service failed: see its log"}, 500)
