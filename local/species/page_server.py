"""Serves the page that shows a picture's route, and signs what it asks, as an application's backend would."""

import json
import mimetypes
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local.species.application import Application
from local.species.source import Picture

PAGE = Path(__file__).parent / "page"
_FILES = {"/": "index.html", "/style.css": "style.css", "/route.js": "route.js"}
_SAMPLES = "/samples.json"
_LARGEST = 10 * 1024 * 1024  # as API Gateway takes; smaller limits are its own to tell
_HOSTS = ("127.0.0.1", "localhost")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class PageServer:
    """The page at `url`, on this machine only, from entering until leaving the context.

    `samples` are offered to be tried. Port 0 takes a free one.
    """

    def __init__(
        self, application: Application, model: str, samples: Sequence[Picture], *, port: int = 0
    ) -> None:
        offered = {f"/samples/{number}{one.path.suffix}": one.path for number, one in enumerate(samples)}

        class Handler(_Handler):
            """Bound to this page."""

            ask = staticmethod(lambda picture, kind: application.recognize(model, picture, kind))
            pictures = offered

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="species page").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    ask: Any
    pictures: Mapping[str, Path]

    def do_GET(self) -> None:
        """Serve the page's files and the pictures to try."""
        path = urlsplit(self.path).path
        if not self._is_at_home():
            return
        if path == _SAMPLES:
            self._send(HTTPStatus.OK, json.dumps(list(self.pictures)).encode(), "application/json")
            return
        file = PAGE / _FILES[path] if path in _FILES else self.pictures.get(path)
        if file is None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        self._send(HTTPStatus.OK, file.read_bytes(), mimetypes.guess_type(file.name)[0] or "image/jpeg")

    def do_POST(self) -> None:
        """Hand a picture on to the API, and its answer back."""
        length = int(self.headers.get("Content-Length") or 0)
        if not self._is_at_home():
            return
        if self.path != "/recognize" or length > _LARGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{length} bytes are too many for a picture")
            return
        kind = self.headers.get("Content-Type", "application/octet-stream")
        reply = self.ask(self.rfile.read(length), kind)
        again = {name: value for name, value in reply.headers.items() if name.lower() == "retry-after"}
        self._send(reply.status, json.dumps(reply.document).encode(), "application/json", again)

    def _is_at_home(self) -> bool:
        """Refuse pages of elsewhere that reach this machine by a name of their own."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host in _HOSTS:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        return False

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._send(status, json.dumps({"message": message}).encode(), "application/json")

    def _send(
        self, status: int, body: bytes, content_type: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Leave the terminal to the demo."""
