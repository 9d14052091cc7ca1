"""Checkpoints and managed spot training: interrupted, and going on from what S3 has."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.jobs.spot import Times

# Counts to `--steps`, each a checkpoint from which it goes on after an interruption. One that began at 0
# waits for that at step 5.
_COUNT = """
import argparse, os, pathlib, signal, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
parser.add_argument("--checkpoint-dir", type=pathlib.Path)
given = parser.parse_args()
signal.signal(signal.SIGTERM, lambda *_: (print("told to stop"), sys.exit(0)))
last = given.checkpoint_dir / "last"
begun = done = int(last.read_text()) if last.exists() else 0
print(f"from step {done}")
while done < given.steps:
    done += 1
    (given.checkpoint_dir / "new").write_text(str(done))
    os.replace(given.checkpoint_dir / "new", last)
    print(f"step {done}")
    if begun == 0 and done == 5:
        time.sleep(600)
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "steps").write_text(str(done))
"""


class Spot:
    """A spot job that counts."""

    def __init__(self, lab: Any, steps: int = 12, role: str | None = None, **more: Any) -> None:
        self.lab, self.name = lab, f"spot-{uuid.uuid4().hex[:8]}"
        self.lines: list[str] = []
        source = lab.put("code/sourcedir.tar.gz", lab.tar_gz({"train.py": _COUNT}))
        request = lab.training(source, role or lab.role(), f"s3://{lab.name}/runs")
        request["HyperParameters"] |= {"steps": str(steps), "checkpoint-dir": "/opt/ml/checkpoints"}
        request["CheckpointConfig"] = {"S3Uri": f"s3://{lab.name}/checkpoints/"}
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"] = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90}
        lab.plugin.jobs.listen(lambda name, line: self.lines.append(line) if name == self.name else None)
        lab.sm.create_training_job(TrainingJobName=self.name, **{**request, **more})

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.lab.sm.describe_training_job(TrainingJobName=self.name)
        return found

    def printed(self, line: str) -> None:
        self.lab.until(lambda: line in self.lines)

    def ended(self) -> dict[str, Any]:
        self.lab.until(lambda: self.described()["TrainingJobStatus"] not in ("InProgress", "Stopping"))
        self.lab.plugin.jobs.listen(None)
        return self.described()

    def went_through(self) -> list[str]:
        return [item["Status"] for item in self.described()["SecondaryStatusTransitions"]]

    def interrupt(self, *capacity: float) -> None:
        self.lab.plugin.jobs.training.interrupt(self.name, *capacity)


def test_an_interrupted_spot_job_goes_on_from_its_checkpoint(lab: Any) -> None:
    job = Spot(lab)
    job.printed("step 5")
    lab.until(lambda: "checkpoints/last" in lab.keys("checkpoints/"))  # while it runs
    job.interrupt()
    ended = job.ended()
    assert ended["TrainingJobStatus"] == "Completed"
    counted = [f"step {step}" for step in range(1, 13)]
    assert job.lines == ["from step 0", *counted[:5], "told to stop", "from step 5", *counted[5:]]
    assert job.went_through() == [
        "Starting", "Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training",
        "Uploading", "Completed",
    ]  # fmt: skip
    assert lab.read("checkpoints/last") == b"12"
    assert all("EndTime" in item for item in ended["SecondaryStatusTransitions"])
    assert 1 <= ended["BillableTimeInSeconds"] <= ended["TrainingTimeInSeconds"]


def test_without_checkpoints_an_interrupted_job_starts_anew(lab: Any) -> None:
    script = "import os, time\nprint(os.path.exists('left'))\nopen('left', 'w').close()\ntime.sleep(1.5)"
    lab.tar_gz = lambda files, real=lab.tar_gz: real({"train.py": script})
    job = Spot(lab)
    job.printed("False")
    job.interrupt()
    assert job.ended()["TrainingJobStatus"] == "Completed"
    assert job.lines == ["False", "False"]


def test_a_job_that_waits_too_long_for_capacity_ends_as_on_aws(lab: Any) -> None:
    job = Spot(lab, StoppingCondition={"MaxRuntimeInSeconds": 3, "MaxWaitTimeInSeconds": 3})
    job.interrupt(600)
    ended = job.ended()
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert job.went_through()[-2:] == ["Interrupted", "MaxWaitTimeExceeded"]
    assert lab.keys("runs/") == []


def test_a_job_that_waits_for_capacity_can_be_stopped(lab: Any) -> None:
    job = Spot(lab)
    job.printed("step 1")
    job.interrupt(600)
    lab.until(lambda: job.described()["SecondaryStatus"] == "Interrupted")
    lab.sm.stop_training_job(TrainingJobName=job.name)
    ended = job.ended()
    assert (ended["TrainingJobStatus"], ended["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_a_job_on_demand_keeps_checkpoints_too_and_is_billed_whole(lab: Any) -> None:
    lab.put("checkpoints/last", b"11")
    job = Spot(lab, EnableManagedSpotTraining=False, StoppingCondition={"MaxRuntimeInSeconds": 60})
    ended = job.ended()
    assert job.lines[0] == "from step 11"
    assert ended["BillableTimeInSeconds"] == ended["TrainingTimeInSeconds"]
    with pytest.raises(ValueError, match="no spot job that runs"):
        job.interrupt()


def test_a_role_that_may_not_write_checkpoints_fails_the_job_by_the_actions_name(lab: Any) -> None:
    everything = f"arn:aws:s3:::{lab.name}/*"
    role = lab.role(
        lab.allow(["s3:GetObject", "s3:ListBucket"], f"arn:aws:s3:::{lab.name}", everything),
        lab.allow("s3:PutObject", f"arn:aws:s3:::{lab.name}/runs/*"),
    )
    ended = Spot(lab, steps=2, role=role).ended()
    assert ended["TrainingJobStatus"] == "Failed"
    assert "Upload of the checkpoints failed" in ended["FailureReason"]
    assert "s3:PutObject" in ended["FailureReason"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "It must be present and be greater"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "greater than or equal to MaxRuntimeInSeconds",
        ),
        ({"EnableManagedSpotTraining": False}, "only supported when EnableManagedSpotTraining"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/home/c"}}, "LocalPath='/home/c'"),
        ({"RetryStrategy": {"MaximumRetryAttempts": 1}}, "RetryStrategy"),
    ],
)
def test_what_aws_refuses_and_what_is_not_served_is_refused(
    lab: Any, more: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=named):
        Spot(lab, **more)
    lab.plugin.jobs.listen(None)


def test_the_time_of_a_job_is_the_time_on_instances_and_its_limits_are_of_both_kinds() -> None:
    at = [0.0]
    stopping = {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 150}
    times = Times({"EnableManagedSpotTraining": True, "StoppingCondition": stopping}, lambda: at[0])
    times.launched()
    at[0] = 40.0
    times.released()
    at[0] = 60.0
    times.launched()
    assert (times.run_left(), times.wait_left()) == (60.0, 90.0)
    at[0] = 120.0
    assert (times.run_left(), times.exceeded()) == (0.0, "MaxRuntimeExceeded")
    times.released()
    assert times.told() == {"TrainingTimeInSeconds": 100, "BillableTimeInSeconds": 30}
    at[0] = 151.0
    assert times.exceeded() == "MaxWaitTimeExceeded"
