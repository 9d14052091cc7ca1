"""The device's token exchange service: role credentials by the container credentials protocol."""

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.greengrass.connection import Connection, Offline, Refused

PATH = "/2016-11-01/credentialprovider/"
_REFRESH_BEFORE_SECONDS = 300


class TokenExchange:
    """Serves credentials to components that show a token which `accepts` takes."""

    def __init__(self, connection: Connection, role_alias: str, accepts: Callable[[str], bool]) -> None:
        self._connection = connection
        self._role_alias = role_alias
        self._current: dict[str, str] | None = None
        self._lock = threading.Lock()

        class Handler(_Handler):
            pass

        Handler.credentials, Handler.accepts = staticmethod(self.credentials), staticmethod(accepts)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="token-exchange", daemon=True).start()

    @property
    def uri(self) -> str:
        """What AWS_CONTAINER_CREDENTIALS_FULL_URI holds for components."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def credentials(self) -> dict[str, str]:
        """Return credentials that hold for a while yet. Raises Offline or Refused."""
        with self._lock:
            if self._current is None or _seconds_left(self._current) < _REFRESH_BEFORE_SECONDS:
                self._current = self._connection.ask("credentials", {"roleAlias": self._role_alias})
            return self._current

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _seconds_left(credentials: dict[str, str]) -> float:
    return datetime.fromisoformat(credentials["Expiration"].replace("Z", "+00:00")).timestamp() - time.time()


class _Handler(BaseHTTPRequestHandler):
    credentials: Callable[[], dict[str, str]]
    accepts: Callable[[str], bool]

    def do_GET(self) -> None:
        if self.path != PATH:
            self._answer(404, {"message": f"{self.path} is not served"})
        elif not self.accepts(self.headers.get("Authorization", "")):
            self._answer(403, {"message": "Authorization is not a token of a component of this device"})
        else:
            try:
                self._answer(200, self.credentials())
            except Refused as error:
                self._answer(403, {"message": str(error)})
            except Offline as error:
                self._answer(500, {"message": str(error)})

    def _answer(self, status: int, document: dict[str, str]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Credentials are asked for often; the log is for other things."""
