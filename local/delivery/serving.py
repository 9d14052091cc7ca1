"""Whether a local cloud is served from a folder, by which process, and how to reach it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from local.cloud.aws_session import aws_session
from local.cloud.call import Credentials
from local.delivery.errors import DeliveryError

_STATE, _LOCK = "serving.json", "lock"
_STOP_SECONDS = 60
_LISTED_SECONDS = 1.0
_HELD: list[IO[str]] = []  # open until the process is gone


@dataclass(frozen=True)
class Session:
    """Makes clients as a boto3 session does, for this cloud whatever the environment says."""

    url: str
    principal: Any

    def client(self, service: str) -> Any:
        """Return a client of a service, by boto3's name."""
        return self.principal.client(service, endpoint_url=self.url)


@dataclass(frozen=True)
class Serving:
    """A cloud that is served; `root` are the keys of its account's root."""

    pid: int
    url: str
    account: str
    region: str
    since: float
    state_dir: Path
    root: Credentials

    @property
    def source(self) -> Path:
        """The folder of the repositories, see local.source.folder."""
        return self.state_dir / "source"

    def session(self, credentials: Credentials) -> Session:
        """Return what makes clients of a principal of this cloud."""
        return Session(self.url, aws_session(credentials, self.region))

    def environment(self, credentials: Credentials) -> dict[str, str]:
        """Return the variables with which AWS's own tools are this principal, and talk to this cloud."""
        variables = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if credentials.session_token:
            variables["AWS_SESSION_TOKEN"] = credentials.session_token
        return variables


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the one process that serves from this folder; DeliveryError when another is.

    The lock is the kernel's, and it is not given back: it goes with the process, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / _LOCK).open("a")
    if not _take(lock):
        lock.close()
        raise DeliveryError(
            f"{folder}: {_who(folder)} is served from here already; python -m local stop ends it"
        )
    _HELD.append(lock)
    (folder / _STATE).unlink(missing_ok=True)  # of one that was killed
    try:
        yield
    finally:
        (folder / _STATE).unlink(missing_ok=True)


def announce(folder: Path, serving: Serving) -> None:
    """Write down how to reach the cloud, for the commands that use it; it holds the keys of its root."""
    path = folder / _STATE
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    document = {**asdict(serving), "state_dir": str(serving.state_dir)}
    written = path.with_suffix(".new")
    written.touch(mode=0o600)
    written.write_text(json.dumps(document), encoding="utf-8")
    written.replace(path)


def find(folder: Path) -> Serving | None:
    """Return the cloud that is served from this folder; what a killed process left counts for nothing."""
    if not (folder / _LOCK).exists():
        return None
    with (folder / _LOCK).open("a") as lock:
        if _take(lock):
            return None
    try:
        found = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # it starts, or ends
        return None
    known = {**found, "state_dir": Path(found["state_dir"]), "root": Credentials(**found["root"])}
    return Serving(**known)


def stop(folder: Path) -> bool:
    """End the process that serves from this folder, and wait for its end; False when there is none."""
    serving = find(folder)
    if serving is None:
        return False
    os.kill(serving.pid, signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < end:
        with (folder / _LOCK).open("a") as lock:
            if _take(lock):
                _await_end(serving.pid)
                return True
        time.sleep(0.1)
    raise DeliveryError(f"process {serving.pid} has not ended within {_STOP_SECONDS} s: kill it")


def _await_end(pid: int) -> None:
    """Wait the moment that a process is still listed after it has closed its files."""
    end = time.monotonic() + _LISTED_SECONDS
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _who(folder: Path) -> str:
    try:
        found = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return "a local cloud"
    return f"a local cloud (process {found['pid']}, {found['url']})"
