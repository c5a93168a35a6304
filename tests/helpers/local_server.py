"""A web server on this machine that serves bytes from memory, well or as badly as a test asks."""

import contextlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """A file, and what is wrong with how it is served.

    `cuts` has for each answer in turn the count of body bytes after which the connection breaks; answers after the last
    are whole. `failures` are statuses of the first answers. `delay` is in seconds before each piece of 100 bytes.
    Without `conditions` the server passes over If-Range; `most` bytes at once are sent to a Range.
    """

    data: bytes
    type: str = "application/octet-stream"
    etag: str = ""
    modified: str = ""
    ranges: bool = True
    conditions: bool = True
    most: int = 1 << 30
    length: bool = True
    cuts: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    location: str = ""
    delay: float = 0.0


class LocalServer:
    """`files` by path, as `/a.zip`; `requests` are (path, headers) of all that came."""

    def __init__(self):
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.stopping = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def serve(self, path, data, **faults):
        """Serve `data` at `path`, in place of what was there; its address."""
        self.files[path] = Served(data, **faults)
        return self.base + path

    def ranges(self):
        """The Range header of every request so far; empty where there was none."""
        return [headers.get("range", "") for _, headers in self.requests]

    def close(self):
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_GET(self):
            self.close_connection = True
            server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            file = server.files.get(self.path)
            if file is None:
                return self.send_error(404)
            if file.failures:
                return self.send_error(file.failures.pop(0))
            if file.location:
                return self._head(302, {"Location": file.location, "Content-Length": "0"})
            return self._send(file)

        def _send(self, file):
            begin, status = self._begin(file), 200
            headers = {"Content-Type": file.type, "ETag": file.etag, "Last-Modified": file.modified}
            if begin is not None:
                if begin >= len(file.data):
                    return self._head(416, {"Content-Range": f"bytes */{len(file.data)}", "Content-Length": "0"})
                end = min(len(file.data), begin + file.most)
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(file.data)}"
                status = 206
            body = file.data if begin is None else file.data[begin:end]
            if file.length:
                headers["Content-Length"] = str(len(body))
            self._head(status, headers)
            body = body[: file.cuts.pop(0)] if file.cuts else body
            with contextlib.suppress(ConnectionError):  # the client may have heard enough
                if not file.delay:
                    self.wfile.write(body)
                for first in range(0, len(body) if file.delay else 0, 100):
                    if server.stopping.wait(file.delay):
                        return None
                    self.wfile.write(body[first : first + 100])
            return None

        def _begin(self, file):
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            condition = self.headers.get("If-Range") if file.conditions else None
            if not found or not file.ranges or (condition and condition not in (file.etag, file.modified)):
                return None
            return int(found[1])

        def _head(self, status, headers):
            self.send_response(status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()

    return Handler
