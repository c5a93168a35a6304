"""A service that listens on this machine, and the few lines of HTTP that tests speak to it."""

import http.client
import io
import json
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from showtell.serve.app import make_app
from showtell.serve.auth import Access
from showtell.serve.run import listen, running_beside, server_of
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

    def __init__(self, service, port):
        self.service, self.port = service, port

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
def app_running(app, service=None):
    listening = listen("127.0.0.1", 0)
    with running_beside(server_of(app, 30.0), listening):
        yield Running(service, listening.getsockname()[1])


@contextmanager
def service_running(captioner, options=None, access=None):
    service = Service(captioner, options or ServiceOptions())
    with app_running(make_app(service, access or Access()), service) as running:
        yield running
