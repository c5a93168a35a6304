"""A service that listens on this machine, and the few lines of HTTP that tests speak to it."""

import http.client
import io
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from showtell.serve.app import make_app
from showtell.serve.guard import Door
from showtell.serve.run import listen, server_of
from showtell.serve.service import Service, ServiceOptions


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


class Running:
    """A service that listens on `port`, spoken to by `ask`."""

    def __init__(self, service, door, patience=30.0):
        self.service = service
        self.app = make_app(service, door)
        self._listening = listen("127.0.0.1", 0)
        self.port = self._listening.getsockname()[1]
        self._server = server_of(self.app, patience)
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=b"", headers=(), **query):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            target = f"{path}?{urlencode(query, doseq=True)}" if query else path
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def caption(self, *pictures, headers=(), **query):
        """One picture's bytes as the body, or several as a form."""
        if len(pictures) == 1:
            return self.ask("POST", "/v1/caption", pictures[0], headers, **query)
        body, kind = form_of([("picture", f"{i}.png", data) for i, data in enumerate(pictures)])
        return self.ask("POST", "/v1/caption", body, {"Content-Type": kind} | dict(headers), **query)

    def stop(self):
        self._server.should_exit = True
        self._thread.join()


def form_of(parts, boundary="----a-boundary"):
    """The body and content type of a form; parts are (field, file name or None, bytes)."""
    body = io.BytesIO()
    for field, filename, data in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'.encode())
        body.write(data + b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    return body.getvalue(), f"multipart/form-data; boundary={boundary}"


@contextmanager
def service_running(captioner, options=None, door=None):
    running = Running(Service(captioner, options or ServiceOptions()), door or Door())
    try:
        yield running
    finally:
        running.stop()
