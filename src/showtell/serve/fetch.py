"""Fetches pictures from untrusted addresses without giving access to the service's own network.

Each host name is resolved once, and all of its addresses must be public. The connection goes to a checked address, so a
name that resolves differently the next time (DNS rebinding) gains nothing. Redirects are checked in the same way.
Proxies are not used, because they would resolve the name themselves.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from showtell.errors import PictureError, one_line

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], list[str]]
"""Resolves a host to numeric addresses; `OSError` if there are none."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_PIECE = 1 << 16
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_PORTS = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches pictures.

    Arguments:
        max_bytes: limit of one picture.
        seconds: time limit of one picture, redirects included.
        resolve: resolves host names.
        ports: allowed ports; other kinds of services listen on others.
        allowed: whether an address may be connected to.
    """

    max_bytes: int
    seconds: float
    resolve: Resolve
    ports: frozenset[int] = _PORTS
    allowed: Callable[[IpAddress], bool] = lambda address: is_public(address)

    def __call__(self, url: str) -> bytes:
        """The bytes at an address.

        Raises:
            PictureError: they cannot be fetched, or the address is not allowed.
        """
        deadline = time.monotonic() + self.seconds
        for _ in range(_MOST_REDIRECTS + 1):
            parts, host, port = self._checked(url)
            with self._answer(parts, host, port, deadline) as response:
                if response.status not in _REDIRECTS:
                    return self._body(response, deadline)
                url = urljoin(url, response.headers.get("Location", ""))
        raise PictureError(f"more than {_MOST_REDIRECTS} redirects")

    def _checked(self, url: str) -> tuple[SplitResult, str, int]:
        """The address in parts; a `PictureError` if it is not allowed, whatever it resolves to."""
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            host = (parts.hostname or "").encode("idna").decode("ascii")
        except ValueError as error:
            raise PictureError("not an address") from error
        if parts.scheme not in ("http", "https") or not host:
            raise PictureError("not an http:// or https:// address")
        if parts.username is not None or parts.password is not None:
            raise PictureError("addresses with a user name or password are not allowed")
        if port not in self.ports:
            raise PictureError(f"port {port} is not allowed")
        return parts, host, port

    def _numeric(self, host: str, port: int) -> str:
        """An address of the host to connect to. All of its addresses must be allowed, so that none can hide among
        others.
        """
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise PictureError("the address has no such host") from error
        if not found:
            raise PictureError("the address has no such host")
        for numeric in found:
            if not self.allowed(ipaddress.ip_address(numeric.partition("%")[0])):
                raise PictureError("the host is not on the public internet, so it is not allowed")
        return found[0]

    @contextlib.contextmanager
    def _answer(self, parts: SplitResult, host: str, port: int, deadline: float) -> Iterator[http.client.HTTPResponse]:
        numeric = self._numeric(host, port)
        connection = http.client.HTTPConnection(host, port)
        try:
            sock = socket.create_connection((numeric, port), timeout=_left(deadline))
            connection.sock = _secured(sock, host) if parts.scheme == "https" else sock
            target = parts._replace(scheme="", netloc="", path=parts.path or "/", fragment="").geturl()
            target = quote(target, safe="%/:=&?~+!$,;'@()*[]")
            connection.request("GET", target, headers={"User-Agent": "showtell", "Accept": "image/*"})
            yield connection.getresponse()
        except ssl.SSLCertVerificationError as error:
            raise PictureError(f"the server's certificate is not valid ({error.verify_message})") from error
        except TimeoutError as error:
            raise PictureError("the server does not answer in time") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PictureError(f"the picture cannot be fetched ({one_line(error, 100)})") from error
        finally:
            connection.close()

    def _body(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        if response.status != 200:
            raise PictureError(f"the server answers {response.status}")
        body = bytearray()
        while True:
            _left(deadline)  # the socket's own timeout starts again with every piece
            piece = response.read1(_PIECE)
            if not piece:
                return bytes(body)
            body += piece
            if len(body) > self.max_bytes:
                raise PictureError(f"the picture has more than {self.max_bytes:,} bytes")


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet and does not embed one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve_name(host: str, port: int) -> list[str]:
    """The numeric addresses that the system finds for a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _secured(sock: socket.socket, host: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
