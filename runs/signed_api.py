"""The runs API, called with the credentials of whoever is signed in to AWS here."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

_TIMEOUT_SECONDS = 35  # API Gateway answers within 29
_PATIENCE_SECONDS = 600
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
_IN_HOST = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


class ApiError(Exception):
    """A request that was refused, or not answered for too long; `status` is 0 where there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotAsked(ApiError):  # noqa: N818 - what the command line says
    """Nothing was sent: the message says what is missing here."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message)


class Session(Protocol):
    """What of botocore's session is asked for."""

    def get_credentials(self) -> Any:
        """The caller's keys, None where nobody is signed in."""


@dataclass
class RunsApi:
    """The API at `url`; what passes is asked again for ten minutes, and `say` hears why.

    `region` is that of an address that does not say its own.
    """

    url: str
    session: Session
    region: str | None = None
    sleep: Callable[[float], None] = field(default=time.sleep)
    say: Callable[[str], None] = field(default=lambda words: None)

    def start(self, model: str, asked: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Start a run, or find the one that the key has started: {"run", "model", "status_url"}."""
        return self._ask("POST", f"models/{model}/runs", json.dumps(asked).encode(), {"Idempotency-Key": key})

    def run(self, model: str, run: str) -> dict[str, Any]:
        """Where a run stands, as lambdas/training/read_runs.py says."""
        return self._ask("GET", f"models/{model}/runs/{run}")

    def newest(self, model: str, limit: int) -> list[dict[str, Any]]:
        """The newest runs of a model."""
        found: list[dict[str, Any]] = self._ask("GET", f"models/{model}/runs?limit={limit}")["runs"]
        return found

    def _ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Ask until there is an answer that is not to ask again; raises ApiError."""
        waited, wait = 0.0, _FIRST_WAIT
        while True:
            try:
                return self._ask_once(method, path, body, headers or {})
            except urllib.error.HTTPError as error:
                again, refusal = error.headers.get("Retry-After"), _refusal(error)
                if again is None and error.code < 500:
                    raise refusal from None
                pause = float(again) if again and again.isdecimal() else wait
            except (OSError, HTTPException) as error:
                refusal, pause = ApiError(0, f"{self.url}: {error}"), wait
            if waited + pause > _PATIENCE_SECONDS:
                raise refusal from None
            self.say(f"{refusal}; asked again in {pause:.0f} s")
            self.sleep(pause)
            waited, wait = waited + pause, min(2 * wait, _LONGEST_WAIT)

    def _ask_once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self.url.rstrip('/')}/{path}"
        if not url.startswith(("https://", "http://")):
            raise NotAsked(f"{self.url} is not the address of the runs API, the output RunsApiUrl")
        request = AWSRequest(method, url, data=body, headers={"Content-Type": "application/json", **headers})
        self._sign(request)
        asked = urllib.request.Request(  # noqa: S310 - the scheme was checked
            url, data=body or None, method=method, headers=dict(request.prepare().headers)
        )
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer

    def _sign(self, request: AWSRequest) -> None:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NotAsked("nobody is signed in to AWS here: there are no credentials")
        found = _IN_HOST.search(self.url)
        region = found[1] if found else self.region
        if not region:
            raise NotAsked("which region? Set AWS_REGION")
        SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)


def _refusal(error: urllib.error.HTTPError) -> ApiError:
    try:
        message = str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        message = str(error.reason)
    return ApiError(error.code, f"{error.code}: {message}")
