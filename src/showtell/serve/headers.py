"""HTTP connections with a time limit for the headers of a request.

Uvicorn limits the idle time between requests, but not the time for the headers of one. Without this limit, clients that
send a byte now and then could use up all file descriptors.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Protocol  # httptools' where that is installed

HEADER_SECONDS = 10.0
"""Limit from a connection, or the first byte of a later request on it, until the end of the headers."""

_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class TimedProtocol(Protocol):
    """Uvicorn's protocol; closes connections whose headers are late."""

    _timer: asyncio.TimerHandle | None = None
    _spoke = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as Uvicorn has it
        """Start to wait for headers."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a request's headers are complete; wait for those of the next one from its first byte."""
        self._spoke = True
        super().data_received(data)
        if self._answering():
            self._stop_waiting()
        elif self._timer is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEADER_SECONDS, self._too_late)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if self._answering() or self.transport.is_closing():
            return
        if self._spoke:
            self.transport.write(_LATE)
        self.transport.close()
