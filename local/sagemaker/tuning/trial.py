"""One training job of a tuning job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.sagemaker.table import Record, pick
from local.sagemaker.tuning.strategies import Chosen, Tried

_TOLD = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)
_ENDED = ("Completed", "Failed", "Stopped")
_ATTEMPTS = 5


@dataclass
class Trial:
    """A training job, what was chosen for it, and its objective: a value for each epoch that it told of.

    `described` is its last description, empty until it has one.
    """

    name: str
    chosen: Chosen
    values: list[float] = field(default_factory=list)
    described: Record = field(default_factory=dict)
    stopped_early: bool = False

    @property
    def status(self) -> str:
        """TrainingJobStatus."""
        return str(self.described.get("TrainingJobStatus", "InProgress"))

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in _ENDED

    @property
    def objective(self) -> float | None:
        """Its final objective; None while it runs, where it failed, and where it told none."""
        return self.values[-1] if self.values and self.status in ("Completed", "Stopped") else None

    @property
    def objective_status(self) -> str:
        """ObjectiveStatus."""
        if not self.over:
            return "Pending"
        return "Failed" if self.objective is None else "Succeeded"

    def summary(self, metric: str, kind: str, definition: str | None) -> Record:
        """Give it as HyperParameterTrainingJobSummary."""
        told: Record = {"TrainingJobName": self.name, **pick(self.described, _TOLD)}
        told |= {"TrainingJobStatus": self.status, "TunedHyperParameters": dict(self.chosen)}
        told["ObjectiveStatus"] = self.objective_status
        if definition:
            told["TrainingJobDefinitionName"] = definition
        if self.objective is not None:
            final = {"Type": kind, "MetricName": metric, "Value": self.objective}
            told["FinalHyperParameterTuningJobObjectiveMetric"] = final
        return told


def counters(trials: Sequence[Trial]) -> dict[str, dict[str, int]]:
    """Count the trials as Describe does."""
    jobs: Counter[str] = Counter(_counted(trial) for trial in trials)
    objectives: Counter[str] = Counter(trial.objective_status for trial in trials)
    words = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    return {
        "TrainingJobStatusCounters": {word: jobs[word] for word in words},
        "ObjectiveStatusCounters": {word: objectives[word] for word in ("Succeeded", "Pending", "Failed")},
    }


def _counted(trial: Trial) -> str:
    if trial.status == "Failed":
        reason = str(trial.described.get("FailureReason", ""))
        return "RetryableError" if reason.startswith("InternalServerError") else "NonRetryableError"
    return trial.status if trial.over else "InProgress"


def best(trials: Iterable[Trial], *, maximize: bool) -> Trial | None:
    """Give the completed trial with the best objective, the earlier of two that are as good."""
    found = [trial for trial in trials if trial.status == "Completed" and trial.objective is not None]
    return max(found, key=lambda trial: _merit(trial, maximize=maximize), default=None)


def _merit(trial: Trial, *, maximize: bool) -> float:
    assert trial.objective is not None  # noqa: S101 - only of those that have one
    return trial.objective if maximize else -trial.objective


def tried(trials: Iterable[Trial]) -> list[Tried]:
    """Tell a strategy of the trials; those that ended without an objective teach it nothing."""
    return [
        Tried(trial.chosen, trial.objective)
        for trial in trials
        if not trial.over or trial.objective is not None
    ]


def fatal(trials: Sequence[Trial], *, all_started: bool) -> str | None:
    """Say why a tuning job is to fail: none of the first five, or of all, came to an objective."""
    over = [trial for trial in trials if trial.over]
    enough = len(over) >= _ATTEMPTS or (all_started and len(over) == len(trials))
    if not over or not enough or any(trial.objective is not None for trial in trials):
        return None
    if any(trial.status != "Failed" for trial in over):
        return (
            f"No objective metrics found after running {len(over)} training jobs. "
            "Please ensure that the custom algorithm is emitting the objective metric "
            "as defined by the regular expression provided."
        )
    if len(over) >= _ATTEMPTS:
        return (
            f"No training job succeeded after {_ATTEMPTS} attempts. "
            "Please take a look at the training job failures to get more details."
        )
    return "All training jobs failed. Please take a look at the training jobs failures to get more details."
