"""After a demo whose cloud stays up: what runs is verified, bytes behind it are changed, it is rebuilt."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from demo_process import ROOT, DemoProcess, read, write_configuration

from local.cloud.process_environment import ROOT_SECRET

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1200)]
STAYS = "The cloud stays until Ctrl-C"


@dataclass(frozen=True)
class Line:
    """The demo that stays up, and what it told its user."""

    demo: DemoProcess
    environment: dict[str, str]
    commands: dict[str, list[str]]

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command of `python -m local` as the auditor."""
        done = subprocess.run(
            [sys.executable, "-m", "local", *command], cwd=ROOT, env={**os.environ, **self.environment},
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def s3(self, access_key: str = "000000000000", secret_key: str = ROOT_SECRET) -> Any:
        """S3 as the account's root, who may do what nobody of the line may, or as another."""
        return boto3.client(
            "s3", endpoint_url=self.environment["AWS_ENDPOINT_URL"], aws_access_key_id=access_key,
            aws_secret_access_key=secret_key, region_name=self.environment["AWS_REGION"],
        )  # fmt: skip


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    here = tmp_path_factory.mktemp("audit")
    configuration = write_configuration(here / "small.toml", train_steps=20, map50_threshold=0.0)
    with DemoProcess(here / "run", "--pictures", "24", "--config", str(configuration), "--stay") as demo:
        demo.await_line(STAYS, 500)
        demo.await_line("python -m local rebuild", 10)
        told = demo.output.partition(STAYS)[2]
        environment = dict(re.findall(r"export (\w+)=(\S+)", told))
        found = [line.split() for line in re.findall(r"python -m local (\S.*)", told)]
        yield Line(demo, environment, {f"{words[0]} {words[1]}": words for words in found})


def verify(line: Line, what: str) -> tuple[int, str]:
    [command] = [words for name, words in line.commands.items() if name == f"verify {what}"]
    return line.run(*command)


@pytest.mark.parametrize("what", ["edgeline-tags-prod", "press-1"])
def test_what_runs_is_followed_back_to_its_pictures(line: Line, what: str) -> None:
    status, output = verify(line, what)
    assert status == 0, output
    assert re.search(rf"^{what}: every one of \d+ links holds$", output, re.MULTILINE)
    assert "24 pictures, as they were uploaded" in output


def test_a_picture_that_was_changed_since_is_named(line: Line) -> None:
    image = read(line.demo.folder, "manifest.json")["images"][0]
    bucket, _, key = image["uri"].removeprefix("s3://").partition("/")
    before = line.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    line.s3().put_object(Bucket=bucket, Key=key, Body=before + b"\0")
    status, output = verify(line, "edgeline-tags-prod")
    assert status == 1
    assert f"picture: {image['uri']}: its SHA-256 is" in output
    assert "edgeline-tags-prod: 1 of" in output
    line.s3().put_object(Bucket=bucket, Key=key, Body=before)


def test_a_device_whose_artifact_was_changed_is_named(line: Line) -> None:
    bucket = read(line.demo.folder, "summary.json")["dataset"]["manifest"].split("/")[2]
    listed = line.s3().list_objects_v2(Bucket=bucket, Prefix="components/com.edgeline.model")
    [artifact] = [entry["Key"] for entry in listed["Contents"]]
    before = line.s3().get_object(Bucket=bucket, Key=artifact)["Body"].read()
    line.s3().put_object(Bucket=bucket, Key=artifact, Body=before[:-1])
    status, output = verify(line, "press-1")
    assert status == 1
    assert f"artifact: s3://{bucket}/{artifact}: its SHA-256 is" in output
    line.s3().put_object(Bucket=bucket, Key=artifact, Body=before)


def test_something_that_is_not_there_is_one_line(line: Line) -> None:
    status, output = line.run("verify", "edgeline-birds-prod")
    assert status == 2
    assert output.startswith("error: 'edgeline-birds-prod' is neither a core device nor one of the endpoints")
    assert output.count("\n") == 1


def test_the_auditor_changes_nothing(line: Line) -> None:
    keys = (line.environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    s3 = line.s3(*keys)
    bucket = read(line.demo.folder, "summary.json")["dataset"]["manifest"].split("/")[2]
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key="runs/tags/x", Body=b"")


def test_a_rebuild_has_the_same_data_set_and_the_same_metrics(line: Line) -> None:
    [command] = [words for name, words in line.commands.items() if name.startswith("rebuild")]
    status, output = line.run(*command)
    assert status == 0, output
    assert "that of the package" in output
    assert "the metrics agree within the tolerance of 0.02" in output
    assert "RegisterModel" not in output


def test_ctrl_c_ends_what_stayed(line: Line) -> None:
    line.demo.interrupt()
    assert line.demo.end(60) == 0, line.demo.output
    assert line.demo.left_behind() == []
