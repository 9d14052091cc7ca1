"""What is known of executions of a pipeline and of their actions."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.codepipeline.declaration import Action, Declaration

RUNNING = ("InProgress", "Stopping")


def now() -> datetime:
    """Give the time in UTC, to the millisecond, as the API's answers do."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Location:
    """Where an artifact lies."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Revision:
    """What a source action found: a commit or a version of an object."""

    id: str
    summary: str = ""
    created: datetime | None = None


@dataclass(frozen=True)
class Override:
    """The revision that an execution was started for, instead of the newest; `branch` if a push named it."""

    revision: str
    branch: str = ""


@dataclass(kw_only=True)
class ActionRecord:
    """One attempt at one action."""

    id: str
    action: Action
    status: str = "InProgress"
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    role_arn: str = ""
    resolved: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Location] = field(default_factory=dict)
    outputs: dict[str, Location] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    external_id: str = ""
    external_url: str = ""
    summary: str = ""
    token: str = ""  # of an approval, while it waits
    updated_by: str = ""
    error_code: str = ""
    error: str = ""
    revision: Revision | None = None


@dataclass(kw_only=True)
class Execution:
    """One execution; `number` counts the executions of the pipeline in the order of their starts.

    `stopping`: no action is started any more. `abandoned`: those that run are not waited for either.
    `unasked`: approvals are not waited for, whatever else is.
    """

    id: str
    number: int
    pipeline: str
    pipeline_arn: str
    version: int
    declaration: Declaration
    trigger: Mapping[str, str]
    variables: Mapping[str, str]
    overrides: Mapping[str, Override] = field(default_factory=dict)
    status: str = "InProgress"
    summary: str = ""
    started: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    stop_reason: str | None = None
    stages: dict[str, str] = field(default_factory=dict)  # status by name, of those that it has entered
    actions: list[ActionRecord] = field(default_factory=list)
    artifacts: dict[str, Location] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    unasked: threading.Event = field(default_factory=threading.Event)

    def abandon(self) -> None:
        """Wait for nothing any more."""
        self.abandoned.set()
        self.unasked.set()

    @property
    def mode(self) -> str:
        """SUPERSEDED, QUEUED or PARALLEL."""
        return str(self.declaration.get("executionMode", "SUPERSEDED"))

    def latest(self, stage: str, action: str) -> ActionRecord | None:
        """Give the last attempt at an action."""
        found = [r for r in self.actions if r.action.stage == stage and r.action.name == action]
        return found[-1] if found else None

    def namespaces(self) -> dict[str, dict[str, str]]:
        """Give the variables that a configuration can refer to, by namespace."""
        known = {
            "codepipeline": {"PipelineExecutionId": self.id},
            "variables": dict(self.variables),
        }
        for record in self.actions:
            if record.action.namespace and record.status == "Succeeded":
                known[record.action.namespace] = dict(record.variables)
        return known

    def revisions(self) -> list[tuple[Action, Revision]]:
        """Give what the source actions found."""
        latest = {r.action.name: r for r in self.actions if r.revision}
        return [(r.action, r.revision) for r in latest.values() if r.revision]


def action_type(action: Action) -> dict[str, Any]:
    """Give an action's type as the API has it."""
    return dict(action.declared["actionTypeId"])
