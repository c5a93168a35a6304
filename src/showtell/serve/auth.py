"""Access control for every request: the token, the host name, and security headers for browsers."""

import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from showtell.serve.http_errors import Forbidden, Refused, Unauthorised

_log = logging.getLogger("showtell.access")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OPEN = frozenset({"/healthz", "/readyz"})
_HEADERS = {
    # Everything that the page needs comes from this service; blob: is a picture that the user gave to the browser.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the service.

    Arguments:
        token: the bearer token for `/v1/` and `/metrics`; empty for none.
        origins: web pages that may use the service from another host, such as `https://example.org`; `*` for any.
        hosts: accepted names in the Host header; empty for any. A service that listens only on this machine accepts
            only the machine's own names. Otherwise a page on the web could reach it through a name that resolves to
            this machine (DNS rebinding).
    """

    token: str = ""
    hosts: Collection[str] = ()
    origins: Collection[str] = ()

    def refusal(self, method: str, path: str, headers: Headers) -> Refused | None:
        """Why a request is refused; None if it is accepted."""
        if method == "POST" and _of_another_page(headers) and not self._admits(headers.get("origin", "")):
            return Forbidden("a browser may send this only from the service's own page: admit others with --cors")
        if self.hosts and path not in _OPEN and _host(headers.get("host", "").lower()) not in self.hosts:
            return Refused("the service does not accept this host name: add it with --allowed-host")
        if self.token and (path.startswith("/v1/") or path == "/metrics"):
            kind, _, given = headers.get("authorization", "").partition(" ")
            known = hmac.compare_digest(given.strip().encode("utf-8", "replace"), self.token.encode())
            if kind.lower() != "bearer" or not known:
                return Unauthorised()
        return None

    def _admits(self, origin: str) -> bool:
        return bool(origin) and ("*" in self.origins or origin in self.origins)


class AccessMiddleware:
    """Middleware: refuses requests, adds headers for browsers, and calls `watch(path, status, seconds)`.

    With `log`, each request is a line of the logger `showtell.access`: method, route, status and seconds, and nothing
    that a client may write.
    """

    def __init__(
        self, app: ASGIApp, access: Access, watch: Callable[[str, int, float], None], log: bool = False
    ) -> None:
        self.app, self.access, self.watch, self.log = app, access, watch, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            # Without the path at which the application is mounted, as the routes have it.
            refusal = self.access.refusal(scope["method"], _route_path(scope), Headers(scope=scope))
            if refusal is None:
                await self.app(scope, receive, sending)
            else:
                await error_response(refusal)(scope, receive, sending)
        finally:
            route, seconds = getattr(scope.get("route"), "path", "other"), time.monotonic() - began
            self.watch(route, status, seconds)
            if self.log:
                if status < 400:  # of a file of the page, which is found by its name
                    route = _route_path(scope)
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                client = (scope.get("client") or ("-",))[0]
                _log.info("%s %s %s %d %.3f s", client, method, route, status, seconds)


def error_response(fault: Refused) -> JSONResponse:
    """A refusal as an answer."""
    return JSONResponse({"error": str(fault)}, fault.status, fault.headers)


def own_names(address: str, more: Collection[str]) -> frozenset[str]:
    """The host names that a service listening on `address` accepts; empty for any if others can reach it."""
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:
        local = address == "localhost"
    if not (local or more):
        return frozenset()
    return frozenset({"localhost", "127.0.0.1", "::1", address.lower(), *map(str.lower, more)})


def _route_path(scope: Scope) -> str:
    """The path as the routes have it: without that at which the application is mounted."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    inner = path.removeprefix(root)
    return inner if root and path != inner and inner.startswith("/") else path


def _of_another_page(headers: Headers) -> bool:
    """Whether a browser reports that a page of another site sends this (Fetch Metadata; RFC 6454 for older
    browsers).
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _host(header: str) -> str:
    """The name in a Host header, without its port and an IPv6 address's brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header
