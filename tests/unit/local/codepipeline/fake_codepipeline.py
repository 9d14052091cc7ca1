"""A CodePipeline whose actions are fakes that a test holds and lets go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.cloud.call import Call, Credentials
from local.cloud.errors import AwsError
from local.codepipeline.book import Book
from local.codepipeline.engine import Engine
from local.codepipeline.executions import Executions
from local.codepipeline.pipelines import Pipelines
from local.codepipeline.records import Revision
from local.codepipeline.triggers import Triggers
from local.codepipeline.work import ActionError, Done, Work

CALL = Call("000000000000", "eu-west-1", "arn:aws:iam::000000000000:user/anna", "AKIA")
_TYPES = {"S3": "Source", "CodeStarSourceConnection": "Source", "Manual": "Approval", "Lambda": "Invoke"}
_CONFIGURATIONS = {
    "S3": {"S3Bucket": "b", "S3ObjectKey": "k", "PollForSourceChanges": "false"},
    "CodeStarSourceConnection": {
        "ConnectionArn": "arn:aws:codeconnections:eu-west-1:000000000000:connection/c",
        "FullRepositoryId": "acme/line",
        "BranchName": "main",
    },
    "Manual": {},
    "Lambda": {"FunctionName": "f"},
}


def action(name: str, provider: str = "Lambda", **more: Any) -> dict[str, Any]:
    kind = {"category": _TYPES[provider], "owner": "AWS", "provider": provider, "version": "1"}
    outputs = {"outputArtifacts": [{"name": f"{name}Output"}]} if _TYPES[provider] == "Source" else {}
    made = {"name": name, "actionTypeId": kind, "configuration": dict(_CONFIGURATIONS[provider]), **outputs}
    return {**made, **more}


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "actions": list(actions or [action(name)])}


def pipeline(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "line",
        "roleArn": "arn:aws:iam::000000000000:role/pipeline",
        "pipelineType": "V2",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [stage("Source", action("Source", "S3")), *(stages or (stage("Work"),))],
        **more,
    }


def until(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for a condition; the limit only bounds a test that hangs."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.005)
    return value


@dataclass
class FakeCloud:
    """What the engine needs of a cloud."""

    account: str = CALL.account
    region: str = CALL.region
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    untrusted: set[str] = field(default_factory=set)

    def emit(self, source: str, kind: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        self.events.append((kind, dict(detail)))

    def service_credentials(self, role: str, service: str, session: str, **more: Any) -> Credentials:
        if role in self.untrusted:
            raise AwsError("AccessDenied", f"{service} is not authorized to perform: sts:AssumeRole")
        return Credentials("ASIA", "s", "t", f"{role}/{session}")

    def session(self, credentials: Credentials) -> Any:
        return None


class FakeKind:
    """Actions that succeed at once, or when let go where their name is held; what they saw is kept."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.failing: set[str] = set()
        self.variables: dict[str, dict[str, str]] = {}
        self.seen: list[Work] = []
        self._free: dict[tuple[str, str], threading.Event] = {}
        self._lock = threading.Lock()

    def run(self, work: Work) -> Done:
        with self._lock:
            self.seen.append(work)
            free = self._free.setdefault((work.execution_id, work.action.name), threading.Event())
        if work.action.name in self.held:
            work.until(lambda: True if free.is_set() else None, 60, work.action.name)
        if work.action.name in self.failing:
            raise ActionError("JobFailed", f"{work.action.name} was told to fail")
        source = work.action.category == "Source"
        revision = Revision(work.override.revision if work.override else "head") if source else None
        return Done(variables=self.variables.get(work.action.name, {}), revision=revision)

    def let_go(self, execution: str, name: str) -> None:
        with self._lock:
            self._free.setdefault((execution, name), threading.Event()).set()

    def names(self, execution: str) -> list[str]:
        with self._lock:
            return [work.action.name for work in self.seen if work.execution_id == execution]


class Service:
    """The API over fake actions."""

    def __init__(self) -> None:
        self.cloud, self.kind, self.book = FakeCloud(), FakeKind(), Book(CALL.account)
        kinds = {(category, provider): self.kind for provider, category in _TYPES.items()}
        engine = Engine(self.cloud, kinds)  # type: ignore[arg-type]  # a fake cloud
        self.pipelines, self.executions = Pipelines(self.book, engine), Executions(self.book, engine)
        self.triggers = Triggers(self.book, engine)

    def create(self, declared: dict[str, Any]) -> str:
        """Make a pipeline and give its first execution, which has come to its end."""
        self.pipelines.create_pipeline(CALL, pipeline=declared)
        first = next(iter(self.book.get(declared["name"]).executions))
        self.ended(first)
        return first

    def start(self, **request: Any) -> str:
        started = self.executions.start_pipeline_execution(CALL, name="line", **request)
        return str(started["pipelineExecutionId"])

    def status(self, execution: str) -> str:
        return self.book.get("line").execution(execution).status

    def reaches(self, execution: str, name: str) -> None:
        until(lambda: name in self.kind.names(execution))

    def ended(self, execution: str) -> str:
        until(lambda: self.status(execution) not in ("InProgress", "Stopping"))
        return self.status(execution)

    def state(self, name: str) -> dict[str, Any]:
        states = self.executions.get_pipeline_state(CALL, name="line")["stageStates"]
        return next(found for found in states if found["stageName"] == name)

    def states(self, kind: str, execution: str) -> list[str]:
        """Give the states that the events of an execution told."""
        what = f"CodePipeline {kind} Execution State Change"
        return [
            detail["state"]
            for name, detail in self.cloud.events
            if name == what and detail["execution-id"] == execution
        ]
