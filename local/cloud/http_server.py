"""An ASGI application served on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from local.cloud.errors import LocalCloudError

_START_SECONDS = 60


class HttpServer:
    """Serves an ASGI application on a socket that listens already."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._app = app
        self._config = Config()
        self._config.bind = [f"fd://{listener.detach()}"]
        self._config.keep_alive_timeout = 75
        self._config.graceful_timeout = 1
        self._config.shutdown_timeout = 2
        self._config.loglevel = "ERROR"
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="local-cloud")

    def start(self) -> None:
        """Return once it serves; LocalCloudError where it does not come to that."""
        self._thread.start()
        if not self._up.wait(_START_SECONDS) or self._failure:
            raise LocalCloudError(f"the local cloud did not start: {self._failure or 'no answer'}")

    def stop(self) -> None:
        """End serving."""
        if self._up.is_set() and not self._failure:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_report)
        self._stopped = asyncio.Event()

        async def started(scope: Any, receive: Any, send: Any) -> None:
            async def announce(message: Any) -> None:
                await send(message)
                if message["type"] == "lifespan.startup.complete":
                    self._up.set()

            await self._app(scope, receive, announce if scope["type"] == "lifespan" else send)

        await serve(started, self._config, shutdown_trigger=self._stopped.wait)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong on the loop; Python 3.11 counts a connection that was open at the end as that."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)
