"""A web server on this machine that sends its files slowly, in ranges if asked, and may change them under way."""

import contextlib
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PIECE = 1 << 15


class SlowServer:
    """Serves `files`, bytes by path; a piece of 32 KiB takes `pause` seconds."""

    def __init__(self, files: dict[str, bytes], pause: float) -> None:
        self.files, self._own, self.pause = files, files, pause
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"

    def swap(self) -> None:
        """Have other bytes in each file, as many as before."""
        self.files = {name: data[::-1] for name, data in self._own.items()}

    def restore(self) -> None:
        """Have the first bytes again."""
        self.files = self._own

    def close(self) -> None:
        """Serve no longer."""
        self._server.shutdown()
        self._server.server_close()


def _handler(server: SlowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            data = server.files[self.path]
            tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
            begin = 0
            if (asked := self.headers.get("Range")) and self.headers.get("If-Range") == tag:
                begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            with contextlib.suppress(OSError):  # the client may be gone
                self.send_response(206 if begin else 200)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(data) - begin))
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
                self.end_headers()
                for at in range(begin, len(data), _PIECE):
                    self.wfile.write(data[at : at + _PIECE])
                    time.sleep(server.pause)

    return Handler
