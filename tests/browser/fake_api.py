"""The page with a made-up deployment around it, on three origins: page and API, sign-in, pictures.

It sends the very headers of the deployment: what the content security policy forbids is forbidden here.
"""

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fake_supervision import FakeSupervision
from fake_tasks import FakeTasks

APP = Path(__file__).resolve().parents[2] / "labeling_app"
TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg",
}  # fmt: skip


def policy(pictures: str, sign_in: str) -> str:
    """The content security policy of the contract."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src 'self' blob: data: {pictures}; connect-src 'self' {pictures} {sign_in}; font-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def token(who: str, groups: list[str], seconds: float) -> str:
    """An ID token; nothing here checks its signature."""
    parts = (
        {"alg": "none"},
        {"cognito:username": who, "cognito:groups": groups, "exp": time.time() + seconds},
    )
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        + ".x"
    )


@dataclass
class FakeCloud:
    """All that the page talks to. `down`: the API does not answer; `who` is who signs in next."""

    pictures: Path
    who: str = "ada"
    groups: dict[str, list[str]] = field(default_factory=dict)
    token_seconds: float = 1800.0
    refreshable: bool = True
    down: bool = False
    delay: float = 0.0
    failures: list[int] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tasks: FakeTasks = field(default_factory=FakeTasks)
    supervision: FakeSupervision = field(default_factory=FakeSupervision)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        handlers = (_Page, _SignIn, _Pictures)
        self.servers = [
            _Server(("127.0.0.1", 0), type("Handler", (one,), {"cloud": self})) for one in handlers
        ]
        self.page, self.sign_in, self.images = (f"http://127.0.0.1:{one.server_port}" for one in self.servers)
        # Other origins in earnest: another host, too.
        self.sign_in, self.images = (
            url.replace("127.0.0.1", "localhost") for url in (self.sign_in, self.images)
        )
        self.tasks.picture_url = self.images

    def __enter__(self) -> "FakeCloud":
        for server in self.servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a browser opens many connections at once


class _Handler(BaseHTTPRequestHandler):
    cloud: FakeCloud
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        self.send(status, json.dumps(document).encode(), "application/json", headers)

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def file(self, root: Path, name: str, headers: dict[str, str] | None = None) -> None:
        path = (root / name).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            self.send(200, path.read_bytes(), TYPES.get(path.suffix, "application/octet-stream"), headers)
        else:
            self.send(404, b"", "text/plain", headers)


class _Page(_Handler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/"):
            self.api("GET")
        elif path == "/settings.json":
            settings = {
                "sign_in": self.cloud.sign_in,
                "client_id": "c1",
                "region": "eu-west-1",
                "name": "Edgeline",
            }
            self.send_json(200, settings)
        else:
            headers = {
                "Content-Security-Policy": policy(self.cloud.images, self.cloud.sign_in),
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "same-origin",
                "Cache-Control": "no-cache",
            }
            self.file(APP, path.strip("/") or "index.html", headers)

    def do_POST(self) -> None:
        self.api("POST")

    def do_PUT(self) -> None:
        self.api("PUT")

    def api(self, method: str) -> None:
        cloud, address = self.cloud, urlsplit(self.path)
        path = address.path.removeprefix("/api")
        body = json.loads(self.read() or b"null")
        cloud.requests.append((method, path))
        time.sleep(cloud.delay)
        if cloud.down:
            self.close_connection = True
            self.connection.close()
            return
        if cloud.failures:
            self.send_json(cloud.failures.pop(0), {"message": "too many answers at once; send it again"})
            return
        claims = self.claims()
        if claims is None:
            self.send_json(401, {"message": "Unauthorized"})
            return
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        who, groups = claims["cognito:username"], claims["cognito:groups"]
        answered = cloud.tasks.answer_to(method, path, who, groups, body) or cloud.supervision.answer(
            method, path, query, body
        )
        self.send_json(*(answered or (404, {"message": f"there is nothing at {path}"})))

    def claims(self) -> dict[str, Any] | None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ").split(".")
        if len(given) != 3:
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(given[1] + "=="))
        return claims if claims["exp"] > time.time() else None


class _SignIn(_Handler):
    """Lets `cloud.who` in without asking, as a sign-in page does that knows the browser."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/logout":
            self.send(302, b"", "text/plain", {"Location": query["logout_uri"]})
            return
        code = f"code{len(self.cloud.codes)}"
        self.cloud.codes[code] = (self.cloud.who, query["code_challenge"])
        back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        self.send(302, b"", "text/plain", {"Location": back})

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.read().decode()).items()}
        allow = {"Access-Control-Allow-Origin": "*"}
        if form["grant_type"] == "refresh_token":
            who = form["refresh_token"].removeprefix("refresh-") if self.cloud.refreshable else ""
        else:
            who, challenge = self.cloud.codes.pop(form["code"], ("", ""))
            hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
            if base64.urlsafe_b64encode(hashed).rstrip(b"=").decode() != challenge:
                who = ""
        if not who:
            self.send_json(400, {"error": "invalid_grant"}, allow)
            return
        groups = self.cloud.groups.get(who, ["annotators"])
        fresh = {
            "id_token": token(who, groups, self.cloud.token_seconds),
            "access_token": "a",
            "expires_in": 1800,
        }
        renewed = {} if form["grant_type"] == "refresh_token" else {"refresh_token": f"refresh-{who}"}
        self.send_json(200, fresh | renewed, allow)


class _Pictures(_Handler):
    """The images bucket: no CORS."""

    def do_GET(self) -> None:
        self.file(self.cloud.pictures, urlsplit(self.path).path.strip("/"))
