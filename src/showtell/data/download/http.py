"""One request over HTTP or HTTPS -> its response, or an error that is either temporary (`Interrupted`) or permanent.

It uses the standard library only. Proxies from the environment are honored. Redirects are followed up to urllib's limit
of ten, and only to http and https.
"""

import contextlib
import http.client
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from showtell.errors import ShowtellError, one_line

_PIECE = 1 << 18  # the most bytes read from a connection at once; received bytes are passed on without waiting for more
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = "showtell (Python urllib)"


class Interrupted(Exception):
    """The connection failed in a way that a retry may fix; the message has the reason."""


@contextlib.contextmanager
def asked(url: str, timeout: float, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The server's response, of status 200 to 299, or 416 to a range request; closed when the block ends.

    Arguments:
        url: the address.
        timeout: seconds without a byte after which the connection counts as lost.
        headers: request headers besides the client's name.

    Raises:
        Interrupted: the connection failed, or the server asks for a later retry.
        ShowtellError: the server refuses, or its certificate is not valid.
    """
    with _sorted(url):
        fixed = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        request = urllib.request.Request(_quoted(url), headers=fixed | dict(headers))
        response = _opener().open(request, timeout=timeout)
    with contextlib.closing(response):
        yield response


def pieces(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    """The response's bytes as they arrive.

    Raises:
        Interrupted: the connection fails before the last byte.
    """
    came, length = 0, content_length(response)
    while True:
        with _sorted(url):
            piece = response.read1(_PIECE)
        if not piece:
            break
        came += len(piece)
        yield piece
    if length is not None and came < length:  # http.client takes a lost connection for the end
        raise Interrupted("the connection was cut")


def content_length(response: http.client.HTTPResponse) -> int | None:
    """The number of bytes that the server announces; None if it does not."""
    text = response.headers.get("Content-Length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


@contextlib.contextmanager
def _sorted(url: str) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        answer = f"{error.code} {_reason(error.reason)}"
        if error.code in _PASSING:
            raise Interrupted(f"the server answers {answer}") from error
        raise ShowtellError(f"{url}: the server answers {answer}: check the address") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise ShowtellError(f"{url}: its certificate is not valid ({error.reason.verify_message})") from error
        raise Interrupted(_reason(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:  # OSError: time-outs, resets, broken TLS
        raise Interrupted(_reason(error)) from error
    except ValueError as error:  # a redirect to an invalid address
        raise ShowtellError(f"{url}: cannot be requested ({_reason(error)})") from error


def _quoted(url: str) -> str:
    """The address with special characters percent-encoded as in browsers, and the host as name servers know it."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    path, query = (urllib.parse.quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


def _opener() -> urllib.request.OpenerDirector:
    # Not build_opener: it would follow a redirect to ftp.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        _ErrorsButRange(),
    ):
        opener.add_handler(handler)
    return opener


class _ErrorsButRange(urllib.request.HTTPErrorProcessor):
    """Accepts status 416 as a response: the server has nothing after the bytes that are here."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        if response.status == 416 and request.has_header("Range"):
            return response
        return super().http_response(request, response)

    https_response = http_response


def _reason(error: BaseException | str) -> str:
    if isinstance(error, TimeoutError):
        return "the server does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the server refuses the connection"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was cut"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    return one_line(error)
