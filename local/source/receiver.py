"""Where the hooks of the repositories ask whether a push may be, and say that it was.

Signed as a call to CodeCommit, so that who pushes is a principal of the cloud: codecommit:GitPush on the
repository, for each branch (`codecommit:References`). Who may push to the provider behind a connection is the
provider's affair, and into a bucket S3 itself lets whoever uploads, or not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from local.cloud.errors import AwsError
from local.cloud.service import Request
from local.source.codecommit import STATE_CHANGE, CodeCommit
from local.source.connections import Connection, Connections
from local.source.git import NOTHING
from local.source.repositories import Kind, Push, Repositories

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_BRANCHES = "refs/heads/"


class Receiver:
    """An HTTP server on the loopback interface; `url` is its address."""

    def __init__(
        self, cloud: LocalCloud, repositories: Repositories, codecommit: CodeCommit, connections: Connections
    ) -> None:
        self._cloud = cloud
        self._repositories = repositories
        self._codecommit = codecommit
        self._connections = connections
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True, name="receiver").start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Request) -> dict[str, Any]:
        """Do what a hook asks; AwsError when the push may not be."""
        asked = json.loads(request.body)
        kind, name = asked["kind"], asked["repository"]
        if request.path == "/remote":
            return self._remote(request, kind, name, asked.get("connection"))
        if not self._repositories.exists(kind, name):
            raise AwsError("RepositoryDoesNotExistException", f"{name} is not deployed here (yet)", 404)
        updates = [(u["old"], u["new"], u["reference"]) for u in asked["updates"]]
        for update in updates:
            caller = self._check(request, kind, name, update[2])
            if request.path == "/post-receive":
                self._announce(kind, name, caller, update)
        return {}

    def _remote(self, request: Request, kind: Kind, name: str, connection: str | None) -> dict[str, Any]:
        """Say where git finds a repository; make what no template makes: a provider's, a bucket's."""
        self._cloud.require_signed(request, "codecommit:CreateRepository", "*", {})
        if connection:
            account = self._cloud.account
            self._connections.add(Connection(connection, "local", "GitHub", account, "AVAILABLE"))
        if kind != "codecommit":
            self._repositories.create(kind, name)
        return {"path": str(self._repositories.path(kind, name))}

    def _check(self, request: Request, kind: Kind, name: str, reference: str) -> str:
        if not reference.startswith(_BRANCHES):
            raise AwsError("InvalidReferenceNameException", f"{reference}: only branches are served")
        if kind != "codecommit":
            return ""
        arn = f"arn:aws:codecommit:{self._cloud.region}:{self._cloud.account}:{name}"
        context = {"codecommit:References": reference}
        return self._cloud.require_signed(request, "codecommit:GitPush", arn, context)

    def _announce(self, kind: Kind, name: str, caller: str, update: tuple[str, str, str]) -> None:
        old, new, reference = update
        before, after = (None if commit == NOTHING else commit for commit in (old, new))
        changed = self._repositories.changed_paths(kind, name, before, after) if after else ()
        push = Push(kind, name, reference.removeprefix(_BRANCHES), before, after, changed)
        if kind == "codecommit":
            cloud = self._cloud
            detail, resources = self._codecommit.event(push, cloud.account, cloud.region, caller)
            cloud.emit("aws.codecommit", STATE_CHANGE, detail, resources)
        self._repositories.pushed(push)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, document = 200, receiver.answer(Request("POST", self.path, {}, headers, body))
            except AwsError as error:
                status, document = error.status, {"error": error.message}
            self._send(status, document)

        def _send(self, status: int, document: Mapping[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing: the hook does."""

    return Handler
