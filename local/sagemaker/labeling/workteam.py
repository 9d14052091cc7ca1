"""Simulated workteams: who answers the tasks of labeling jobs, as whoever runs the local cloud decides.

    plugin.labeling_jobs.teams[workteam_arn] = answer

where `answer(task)` is called once a task and returns an `Answer`, a `Failure`, or None where nobody answers
in time. A job for a workteam that nobody simulates is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Task:
    """One picture for one worker: the line of the input manifest, and the categories that may be given."""

    job: str
    kind: Literal["label", "verify"]
    number: int  # the line's place in the input manifest, from 0
    line: Mapping[str, Any]
    categories: Sequence[str]


@dataclass(frozen=True)
class Answer:
    """What a worker submits: boxes ({"label", "left", "top", "width", "height"}), or a verdict."""

    worker: str
    boxes: Sequence[Mapping[str, Any]] = ()
    verdict: str = ""
    comment: str = ""
    seconds: float = 10.0


@dataclass(frozen=True)
class Failure:
    """A picture that the job could not show; its line carries the reason."""

    reason: str


Team = Callable[[Task], Answer | Failure | None]


@dataclass
class Result:
    """One line of the output: what was answered, or nothing yet."""

    task: Task
    given: Answer | Failure | None = field(default=None)
