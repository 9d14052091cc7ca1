"""Functions while the cloud stops: a request that comes last must not leave a process behind."""

import subprocess
import threading

import pytest

from local.cloud.ministack_functions import start_none_once


class Worker:
    """Starts a process, during which the cloud may begin to stop."""

    def __init__(self, while_starting: threading.Event | None = None) -> None:
        self._while_starting = while_starting
        self._proc: subprocess.Popen[bytes] | None = None

    def _spawn(self) -> None:
        self._proc = subprocess.Popen(["sleep", "60"])
        if self._while_starting:
            self._while_starting.set()

    def invoke(self, event: str) -> dict[str, str]:
        self._spawn()
        return {"status": "ok", "result": event}


@pytest.fixture
def worker() -> type[Worker]:
    return type("Mine", (Worker,), {"_spawn": Worker._spawn, "invoke": Worker.invoke})


def test_no_process_is_started_once_the_cloud_stops(worker: type[Worker]) -> None:
    stopping = threading.Event()
    start_none_once(stopping, worker)
    stopping.set()
    one = worker()
    answer = one.invoke("event")
    assert answer["status"] == "error"
    assert "is stopping" in answer["error"]
    assert one._proc is None


def test_a_process_that_was_just_being_started_is_ended(worker: type[Worker]) -> None:
    stopping = threading.Event()
    start_none_once(stopping, worker)
    one = worker(stopping)
    assert one.invoke("event")["status"] == "error"
    assert one._proc is not None
    assert one._proc.poll() is not None


def test_until_then_processes_are_started(worker: type[Worker]) -> None:
    start_none_once(threading.Event(), worker)
    one = worker()
    assert one.invoke("event") == {"status": "ok", "result": "event"}
    assert one._proc is not None
    assert one._proc.poll() is None
    one._proc.kill()
    one._proc.wait()
