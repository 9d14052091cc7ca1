"""Temporary credentials from the device's token exchange service."""

import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_REFRESH_BEFORE = timedelta(minutes=5)
_TIMEOUT_SECONDS = 10


class NoCredentials(Exception):  # noqa: N818 - the name that callers read
    """The token exchange service gave none; the message says why."""


@dataclass(frozen=True)
class Credentials:
    """One set of temporary credentials."""

    access_key: str
    secret_key: str
    session_token: str
    expires: datetime


class TokenExchange:
    """Fetches credentials by the container credentials protocol and keeps them nearly to their end."""

    def __init__(self, uri: str, token: str) -> None:
        self._uri = uri
        self._token = token
        self._current: Credentials | None = None
        self._lock = threading.Lock()

    def credentials(self) -> Credentials:
        """Return credentials that hold for a while yet. Raises NoCredentials."""
        with self._lock:
            if self._current is None or datetime.now(UTC) > self._current.expires - _REFRESH_BEFORE:
                self._current = self._fetch()
            return self._current

    def forget(self) -> None:
        """Ask again next time: the ones in use were refused."""
        with self._lock:
            self._current = None

    def _fetch(self) -> Credentials:
        request = urllib.request.Request(self._uri, headers={"Authorization": self._token})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
                return _parse(json.load(response))
        except urllib.error.HTTPError as error:
            reason = error.read(300).decode("utf-8", "replace")
            raise NoCredentials(f"token exchange service: {error.code}: {reason}") from error
        except (OSError, ValueError, KeyError) as error:
            raise NoCredentials(f"token exchange service at {self._uri}: {error}") from error


def _parse(answer: dict[str, str]) -> Credentials:
    return Credentials(
        access_key=answer["AccessKeyId"],
        secret_key=answer["SecretAccessKey"],
        session_token=answer["Token"],
        expires=datetime.fromisoformat(answer["Expiration"].replace("Z", "+00:00")),
    )
