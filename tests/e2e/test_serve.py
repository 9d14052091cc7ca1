"""A served local cloud, and what of it is left however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest

from local.delivery import serving

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


class Servers:
    """Starts servers, and kills what is left of them when the test has ended."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []

    def __call__(self, folder: Path) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "local", "serve", "--folder", str(folder)], cwd=ROOT, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(child)
        end = time.monotonic() + PATIENCE_SECONDS
        while serving.find(folder) is None:
            assert time.monotonic() < end, "it does not serve"
            assert child.poll() is None, child.stdout and child.stdout.read()
            time.sleep(0.1)
        return child


@pytest.fixture
def serve() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for child in servers.started:
        child.kill()
        child.wait()


def left(folder: Path) -> list[str]:
    """Return what still runs with the folder in its command line, after a moment to end."""
    end = time.monotonic() + 10
    while True:
        found = [
            " ".join(process.info["cmdline"])
            for process in psutil.process_iter(["cmdline"])
            if any(str(folder) in word for word in process.info["cmdline"] or [])
        ]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_and_all_that_it_started(serve: Servers, tmp_path: Path, number: int) -> None:
    child = serve(tmp_path)
    found = serving.find(tmp_path)
    assert found is not None
    who = found.session(found.root).client("sts").get_caller_identity()["Arn"]
    assert who == f"arn:aws:iam::{found.account}:root"
    os.kill(child.pid, number)
    said, _ = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 0
    assert said.rstrip().endswith("Stopped; nothing is left running.")
    assert left(tmp_path) == []
    assert not (tmp_path / "serving.json").exists()


def test_killed_one_leaves_nothing_that_is_believed(serve: Servers, tmp_path: Path) -> None:
    child = serve(tmp_path)
    child.kill()
    child.wait()
    assert (tmp_path / "serving.json").exists()
    assert serving.find(tmp_path) is None
    assert left(tmp_path) == []
    again = serve(tmp_path)
    assert serving.find(tmp_path) is not None
    assert serving.stop(tmp_path)
    again.communicate(timeout=PATIENCE_SECONDS)


def test_environment_that_it_prints_is_all_that_a_client_needs(serve: Servers, tmp_path: Path) -> None:
    child = serve(tmp_path)
    found = serving.find(tmp_path)
    assert found is not None
    variables = found.environment(found.root)
    s3 = boto3.client(
        "s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    assert s3.list_buckets()["Buckets"] == []
    serving.stop(tmp_path)
    said, _ = child.communicate(timeout=PATIENCE_SECONDS)
    for name, value in variables.items():
        assert f"  export {name}={value}\n" in said
