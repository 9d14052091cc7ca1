"""What a push started: the execution of its commit, or the reason why there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from local.delivery.actions import Execution, execution, executions
from local.delivery.errors import DeliveryError
from local.delivery.serving import Session

_PATIENCE_SECONDS = 90
_TRIGGER_SECONDS = 5  # where CodePipeline itself looks at pushes, and says nothing of those it passes over
_POLL_SECONDS = 0.3
_ARCHIVE = "source.zip"


class Pushed:
    """A commit that has been pushed, as the onlooker finds its traces."""

    def __init__(self, session: Session, stack: str, outputs: dict[str, str], commit: str) -> None:
        self._session = session
        self._client = session.client("codepipeline")
        self._stack = stack
        self._outputs = outputs
        self._commit = commit
        self.pipeline = outputs["PipelineName"]

    def newest(self) -> Execution | None:
        """Return the newest execution of the commit; None when there is none."""
        revision = self._revision()
        return next((e for e in executions(self._client, self.pipeline) if revision in e.revisions), None)

    def await_execution(self, since: datetime) -> Execution | str:
        """Wait until the push has started an execution, or is known to start none: then return the reason."""
        group = self._function_log()
        end = time.monotonic() + (_PATIENCE_SECONDS if group else _TRIGGER_SECONDS)
        while time.monotonic() < end:
            for found in executions(self._client, self.pipeline):
                if found.started >= since and self._revision() in found.revisions:
                    return found
            if group and (decided := self._decision(group, since)):
                # Named by the function before its source action has told of a revision, or in spite of it.
                started = decided["execution"]
                return execution(self._client, self.pipeline, started) if started else str(decided["because"])
            time.sleep(_POLL_SECONDS)
        if group is None:
            return "no trigger of the pipeline is for this branch and what was changed"
        raise DeliveryError(
            f"{self._commit[:12]} was pushed, and {self.pipeline} has not started: "
            "python -m local status, and cloud/ in the folder of the local cloud, say more"
        )

    def successor(self, ended: Execution) -> Execution | None:
        """Return the execution that an update of the pipeline by itself has put in the place of `ended`."""
        newer = [e for e in executions(self._client, self.pipeline) if e.started > ended.started]
        return newer[-1] if newer else None

    def _revision(self) -> str:
        bucket = self._outputs.get("SourceBucket")
        if bucket is None:
            return self._commit
        try:
            found = self._session.client("s3").head_object(Bucket=bucket, Key=_ARCHIVE)
        except ClientError:
            return ""
        return str(found["VersionId"]) if found["Metadata"].get("commit") == self._commit else ""

    def _decision(self, group: str, since: datetime) -> dict[str, Any] | None:
        """Return what the function that looks at pushes says of this one, once it does."""
        found = self._session.client("logs").filter_log_events(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        revision = self._revision()
        for decided in _documents(event["message"] for event in found["events"]):
            if decided.get("revision") == revision:
                return decided
        return None

    def _function_log(self) -> str | None:
        resources = self._session.client("cloudformation").describe_stack_resources(StackName=self._stack)
        groups = [
            r["PhysicalResourceId"]
            for r in resources["StackResources"]
            if r["ResourceType"] == "AWS::Logs::LogGroup" and "StartFunction" in r["LogicalResourceId"]
        ]
        return groups[0] if groups else None


def _documents(messages: Iterable[str]) -> Iterator[dict[str, Any]]:
    for message in messages:
        try:
            document = json.loads(message)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document
