"""What is remembered of each pipeline."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from local.cloud.errors import AwsError
from local.codepipeline.declaration import Declaration
from local.codepipeline.records import RUNNING, Execution, now
from local.codepipeline.stage_locks import StageLocks

_Item = TypeVar("_Item")


@dataclass(kw_only=True)
class Pipeline:
    """One pipeline: its versions, its stages and its executions in the order of their starts."""

    name: str
    arn: str
    versions: list[Declaration]
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    locks: StageLocks = field(default_factory=StageLocks)
    executions: dict[str, Execution] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)  # execution ids by clientRequestToken

    @property
    def version(self) -> int:
        """The number of the newest version."""
        return len(self.versions)

    @property
    def declaration(self) -> Declaration:
        """The newest version."""
        return self.versions[-1]

    def execution(self, execution_id: str) -> Execution:
        """Give an execution, or raise the API's error."""
        if execution_id not in self.executions:
            raise AwsError(
                "PipelineExecutionNotFoundException",
                f"Pipeline execution {execution_id} of pipeline {self.name} does not exist",
            )
        return self.executions[execution_id]

    def running(self) -> list[Execution]:
        """Give the executions that have not ended."""
        return [execution for execution in self.executions.values() if execution.status in RUNNING]

    def require_stage(self, stage: str) -> None:
        """Raise the API's error where there is no such stage."""
        if stage not in [declared["name"] for declared in self.declaration["stages"]]:
            raise AwsError(
                "StageNotFoundException", f"Pipeline {self.name} does not have a stage with name '{stage}'"
            )


class Book:
    """All pipelines, by name."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.RLock()
        self._pipelines: dict[str, Pipeline] = {}

    def add(self, name: str, arn: str, declaration: Declaration) -> Pipeline:
        """Keep a new pipeline as version 1."""
        with self._lock:
            if name in self._pipelines:
                raise AwsError(
                    "PipelineNameInUseException", f"A pipeline with the name '{name}' already exists"
                )
            kept = {**copy.deepcopy(declaration), "version": 1}
            self._pipelines[name] = Pipeline(name=name, arn=arn, versions=[kept])
            return self._pipelines[name]

    def get(self, name: str) -> Pipeline:
        """Give a pipeline, or raise the API's error."""
        with self._lock:
            if name not in self._pipelines:
                raise AwsError(
                    "PipelineNotFoundException",
                    f"Account '{self._account}' does not have a pipeline with name '{name}'",
                )
            return self._pipelines[name]

    def remove(self, name: str) -> Pipeline | None:
        """Forget a pipeline and give it a last time; None where there is none."""
        with self._lock:
            return self._pipelines.pop(name, None)

    def all(self) -> list[Pipeline]:
        """Give the pipelines in the order of their names."""
        with self._lock:
            return [self._pipelines[name] for name in sorted(self._pipelines)]

    def by_arn(self, arn: str) -> Pipeline:
        """Give a pipeline by its ARN, or raise the API's error."""
        for pipeline in self.all():
            if pipeline.arn == arn:
                return pipeline
        raise AwsError("ResourceNotFoundException", f"{arn} does not exist")


def page(items: list[_Item], request: Mapping[str, Any], size: int = 100) -> tuple[list[_Item], str | None]:
    """Cut out the page that a List call asks for, and give the token of the next one."""
    token = str(request.get("nextToken") or "0")
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", f"The next token {token!r} is not one of this service")
    start, wanted = int(token), int(str(request.get("maxResults") or size))
    rest = str(start + wanted) if start + wanted < len(items) else None
    return items[start : start + wanted], rest
