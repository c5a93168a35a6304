"""One request over HTTP or HTTPS, with what can go wrong sorted into what passes by itself and what does not.

Only the standard library: proxies from the environment are honoured, redirects are followed as far as urllib goes (ten)
and never to anything but http and https.
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

from showtell.errors import InputError, ShowtellError, one_line

_PIECE = 1 << 18  # bytes asked of a connection at once; what has come is handed on without waiting for the rest
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = "showtell (Python urllib)"


class Interrupted(Exception):
    """The connection failed in a way that trying again may mend; the message says how."""


def is_url(text: str) -> bool:
    """Whether `text` is meant as an address on the web rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def check_url(url: str) -> None:
    """Refuse an address that cannot be asked for.

    Raises:
        InputError: it is not http or https, or names no host.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a bracket that is not closed
        whole = False
    if not is_url(url) or not whole:
        raise InputError(f"{url}: not an address that can be downloaded: give http://... or https://...")


@contextlib.contextmanager
def asked(url: str, timeout: float, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    """The server's answer, of status 200 to 299, or 416 to a range; closed when the block ends.

    Arguments:
        url: where to.
        timeout: seconds that may pass without a byte.
        headers: what to send beside the client's name.

    Raises:
        Interrupted: the connection failed, or the server asks to be asked later.
        ShowtellError: the server refuses, or cannot be trusted.
    """
    with _sorted(url):
        fixed = {"User-Agent": _AGENT, "Accept-Encoding": "identity"}
        request = urllib.request.Request(_quoted(url), headers=fixed | dict(headers))
        response = _opener().open(request, timeout=timeout)
    with contextlib.closing(response):
        yield response


def pieces(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    """The answer's bytes as they come.

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
    if length is not None and came < length:  # http.client takes this for the end
        raise Interrupted("the connection was cut")


def content_length(response: http.client.HTTPResponse) -> int | None:
    """How many bytes the server says it sends; None where it does not say."""
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
    except (OSError, http.client.HTTPException) as error:  # OSError: time-outs, resets, TLS that breaks off
        raise Interrupted(_reason(error)) from error
    except ValueError as error:  # a redirect to an address that is none
        raise ShowtellError(f"{url}: cannot be asked for ({_reason(error)})") from error


def _quoted(url: str) -> str:
    """Letters and blanks quoted as browsers do it, and the host in the form that name servers know."""
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
    """Status 416 is an answer, not an error: there is nothing after the bytes that we have."""

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
        return "the server hung up without an answer"
    return one_line(error)
