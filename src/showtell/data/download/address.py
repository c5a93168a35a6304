"""Addresses on the web, and how pictures there are downloaded; nothing here opens a connection.

Most commands only need to know whether a source is an address. Python's HTTP and TLS take 40 ms to import.
"""

import urllib.parse
from dataclasses import dataclass

from showtell.errors import InputError


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Limits for pictures on the web, in bytes and in seconds for each, and whether a progress bar is shown."""

    max_bytes: int = 50_000_000
    timeout: float = 30.0
    show: bool = True

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or not self.timeout > 0:
            raise InputError("the size limit and the time-out of a download must be positive")


def is_url(text: str) -> bool:
    """Whether `text` is meant as an address on the web rather than a path."""
    return text.lower().startswith(("http://", "https://"))


def check_url(url: str) -> None:
    """Refuse an address that cannot be requested.

    Raises:
        InputError: it is not http or https, or has no host.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is not a number, an unclosed bracket
        whole = False
    if not is_url(url) or not whole:
        raise InputError(f"{url}: not an address that can be downloaded: give http://... or https://...")
