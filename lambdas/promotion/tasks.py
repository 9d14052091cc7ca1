"""What a promotion has to know of each task: its metrics, the job that measures them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CODE = "/opt/ml/processing/input/code"


@dataclass(frozen=True)
class Task:
    """A kind of model. `metrics` are what it is held to: their names in evaluation.json, and their titles.

    `compared` is what the test of an endpoint says of the largest difference between two of its `answers`.
    `told`: whether its jobs are told of the model by a file in their code. `metadata` is what only its
    packages have.
    """

    name: str
    metrics: Mapping[str, str]
    answers: str
    compared: tuple[str, ...]
    told: bool
    metadata: tuple[str, ...] = ()

    def entrypoint(self, model: str) -> list[str]:
        """How its evaluation is started in a processing job; the script's arguments come behind it."""
        script = f"pipeline_defs.{self.name}.scripts.evaluate"
        settings = ["--settings", f"{_CODE}/models/{model}.json"] if self.told else []
        return ["/bin/sh", f"{_CODE}/pipeline_defs/run_job.sh", script, *settings]


DETECTION = Task(
    name="detection",
    metrics={"map50": "mAP50", "map50_95": "mAP50-95"},
    answers="detections",
    compared=("largest_box_pixels", "largest_score"),
    told=False,
)
CLASSIFICATION = Task(
    name="classification",
    metrics={"top1": "Top-1", "top5": "Top-5"},
    answers="answers",
    compared=("largest_score",),
    told=True,
    metadata=("label_map_sha256",),
)
_TASKS = {task.name: task for task in (DETECTION, CLASSIFICATION)}


def task_named(name: str) -> Task:
    """Give a task by its name, as `task` in edgeline.toml."""
    return _TASKS[name]


def task_of(evaluation: Mapping[str, Any]) -> Task:
    """Tell the task from an evaluation.json; those of detection say nothing of it."""
    return _TASKS[evaluation.get("task") or DETECTION.name]


def task_measuring(numbers: Mapping[str, Any]) -> Task:
    """Tell the task from the numbers that were kept of a test."""
    return CLASSIFICATION if numbers.keys() & CLASSIFICATION.metrics.keys() else DETECTION
