"""Listen, answer until a stop signal, and finish what was accepted."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from showtell.errors import InputError, one_line
from showtell.serve.headers import TimedProtocol

_BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        InputError: the address is not this machine's, or the port is taken.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else one_line(error)
        raise InputError(f"cannot listen on {host}, port {port} ({reason}): choose another --port") from error


def address_of(listening: socket.socket) -> str:
    """The address of a listening socket, for a browser."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: ASGIApp, patience: float) -> uvicorn.Server:
    """A server, not yet running, that writes no log of requests.

    On a stop signal it accepts no more connections and gives open requests `patience` seconds.
    """
    config = uvicorn.Config(
        app,
        http=TimedProtocol,
        ws="none",
        log_level="error",  # warnings about clients that send no HTTP would let them fill a disk
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        lifespan="on",
        timeout_graceful_shutdown=max(1, round(patience)),
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def running_beside(server: uvicorn.Server, listening: socket.socket) -> Iterator[None]:
    """Run the server in a thread: the block starts when it answers; after the block it finishes what was accepted."""
    thread = threading.Thread(target=server.run, args=([listening],), name="server", daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        thread.join()


def run_until_stopped(server: uvicorn.Server, listening: socket.socket, started: Callable[[], None]) -> None:
    """Run in the main thread until SIGINT or SIGTERM, which stop it without an error.

    The server raises the signal again after it stops; then the handler does nothing.
    """
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        started()
        server.run(sockets=[listening])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
