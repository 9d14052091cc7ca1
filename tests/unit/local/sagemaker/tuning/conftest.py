from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

# Prints `top1` for some epochs: `level` less the distance of the rate from 0.3; for long if that is hopeless.
# `notes` gets the times when it began and ended.
SCRIPT = """
import argparse, json, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.3)
parser.add_argument("--level", type=float, default=1.0)
parser.add_argument("--width", type=int, default=16)
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--hopeless", type=float, default=0.0)
parser.add_argument("--pause", type=float, default=0.0)
parser.add_argument("--fault", default="")
parser.add_argument("--notes", type=pathlib.Path)
given = parser.parse_args()
if given.notes:
    with (given.notes / os.environ["TRAINING_JOB_NAME"]).open("w") as note:
        note.write(f"{time.time()} ")
if given.fault == "crash" or given.fault == "high" and given.rate > 0.5:
    raise SystemExit("out of luck")
for epoch in range(given.epochs if given.level > given.hopeless else 10_000):
    time.sleep(given.pause)
    if given.fault != "silent":
        print(f"epoch {epoch + 1} top1={given.level - abs(given.rate - 0.3):.6f};")
if given.notes:
    with (given.notes / os.environ["TRAINING_JOB_NAME"]).open("a") as note:
        note.write(str(time.time()))
"""

RATE = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]}


class Tuning:
    """A tuning job of a test."""

    def __init__(
        self,
        lab: Any,
        jobs: int | None = 3,
        parallel: int = 2,
        ranges: dict[str, Any] = RATE,
        strategy: str = "Random",
        config: dict[str, Any] | None = None,
        definition: dict[str, Any] | None = None,
        client: Any = None,
        more: dict[str, Any] | None = None,
        **static: str,
    ) -> None:
        self.lab, self.name = lab, f"tune-{uuid.uuid4().hex[:8]}"
        source = lab.put("code/sourcedir.tar.gz", lab.tar_gz({"train.py": SCRIPT}))
        request = lab.training(source, lab.role(suffix=self.name), f"s3://{lab.name}/runs")
        request["AlgorithmSpecification"]["MetricDefinitions"] = [
            {"Name": "validation:top1", "Regex": "top1=([-0-9.]+);"}
        ]
        hyperparameters = {**request.pop("HyperParameters"), **static}
        del hyperparameters["steps"]
        limits: dict[str, Any] = {"MaxParallelTrainingJobs": parallel}
        if jobs is not None:
            limits["MaxNumberOfTrainingJobs"] = jobs
        objective = {"Type": "Maximize", "MetricName": "validation:top1"}
        made = (client or lab.sm).create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=self.name,
            HyperParameterTuningJobConfig={
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": objective,
                "ResourceLimits": limits,
                "ParameterRanges": ranges,
                **(config or {}),
            },
            TrainingJobDefinition={**request, "StaticHyperParameters": hyperparameters, **(definition or {})},
            **(more or {}),
        )
        self.arn = made["HyperParameterTuningJobArn"]

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.lab.sm.describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=self.name
        )
        return found

    def jobs(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lab.sm.list_training_jobs_for_hyper_parameter_tuning_job(
            **{"HyperParameterTuningJobName": self.name, "MaxResults": 100, **params}
        )["TrainingJobSummaries"]
        return found

    def stop(self) -> None:
        self.lab.sm.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=self.name)

    def ended(self) -> dict[str, Any]:
        def over() -> bool:
            return self.described()["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping")

        self.lab.until(over, 120.0)
        return self.described()

    def rates(self) -> list[str]:
        return [job["TunedHyperParameters"]["rate"] for job in self.jobs()]


@pytest.fixture
def tune(lab: Any) -> Callable[..., Tuning]:
    """Start a tuning job: `tune(jobs=3, parallel=2, ..., epochs="2")`."""
    return lambda *given, **more: Tuning(lab, *given, **more)
