"""Faults at the seams of the local cloud, where every call of an API passes, and in what was deployed."""

import asyncio
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from waiting import PATIENCE_SECONDS, eventually

from config import Edgeline
from local.cloud.call import Call
from local.cloud.deploy import deploy
from local.cloud.errors import AwsError
from local.cloud.ministack import Ministack
from local.cloud.server import LocalCloud
from local.cloud.service import LocalService

ROOT = Path(__file__).parents[3]
THROTTLED = AwsError("ThrottlingException", "Rate exceeded", 400)
Outputs = dict[str, dict[str, str]]


class Times:
    """Counts down how often a fault strikes; safe between threads."""

    def __init__(self, number: int) -> None:
        self.left, self._lock = number, threading.Lock()

    def strike(self) -> bool:
        with self._lock:
            struck = self.left > 0
            self.left -= struck
        return struck


@contextmanager
def refusing(operation: str, error: AwsError, *, times: int) -> Iterator[Times]:
    """Answer the next `times` calls of an operation of SageMaker or Greengrass with an error."""
    original, faults = LocalService.perform, Times(times)

    def perform(service: LocalService, call: Call, name: str, parameters: Any) -> Any:
        if name == operation and faults.strike():
            raise error
        return original(service, call, name, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalService, "perform", perform)
        yield faults


@contextmanager
def hanging(operation: str, *, times: int = 1, of: str = "") -> Iterator[Times]:
    """Let the next calls of an operation of SageMaker or Greengrass go unanswered until the block ends.

    `of` is what the caller's ARN has in it: an environment's promoter bears the name of the execution.
    """
    original, faults, over = LocalService.perform, Times(times), threading.Event()

    def perform(service: LocalService, call: Call, name: str, parameters: Any) -> Any:
        if name == operation and of in call.principal_arn and faults.strike():
            over.wait(PATIENCE_SECONDS)
            raise AwsError("ServiceUnavailable", "The call was lost.", 503)
        return original(service, call, name, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalService, "perform", perform)
        try:
            yield faults
        finally:
            over.set()


@contextmanager
def table_calls(
    operation: str, *, times: int, hang_seconds: float = 0, naming: bytes = b""
) -> Iterator[Times]:
    """Throttle the next calls of a DynamoDB operation, or leave them unanswered for a while first.

    Only calls whose request has `naming` in it, such as the beginning of an item's key, are struck.
    """
    original, faults = Ministack.app, Times(times)
    body = json.dumps({"__type": THROTTLED.code, "message": THROTTLED.message}).encode()

    async def app(ministack: Ministack, scope: Any, receive: Any, send: Any) -> None:
        target = dict(scope.get("headers", ())).get(b"x-amz-target", b"").decode()
        struck = target.endswith(f".{operation}")
        if struck:
            request = await receive()
            receive = _first(request, receive)
            struck = naming in request["body"] and faults.strike()
        if not struck:
            await original(ministack, scope, receive, send)
            return
        await asyncio.sleep(hang_seconds)
        headers = [(b"content-type", b"application/x-amz-json-1.0")]
        headers += [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ministack, "app", app)
        yield faults


def _first(message: Any, receive: Any) -> Any:
    """What receives one message that was read already, and then those that follow."""
    read = [message]

    async def again() -> Any:
        return read.pop() if read else await receive()

    return again


class Deployed:
    """Stacks that were synthesized and deployed, and changes to what was deployed."""

    def __init__(
        self, cloud: LocalCloud, folder: Path, name: str, make: Callable[[Any, Any], None],
        accounts: Mapping[str, str] | None = None, endpoints: Mapping[str, Any] | None = None,
        models: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`make(app, config)` adds the stacks; `accounts` are those of `tools`, `staging` and `prod`.

        `endpoints` are tables of `staging` and `prod`; without them prod is not watched: nobody asks it.
        `models` are other tables of models than that of one detector, which classify.
        """
        self.cloud, self.name = cloud, name
        self.accounts = dict(accounts or dict.fromkeys(("tools", "staging", "prod"), cloud.account))
        self._folder = folder
        self._assembly = folder / "assembly"
        context = json.loads((ROOT / "cdk.json").read_text())["context"]
        app = cdk.App(outdir=str(self._assembly), context=context, analytics_reporting=False)
        served = endpoints or {"prod": {"bake_seconds": 0}}
        tags = {"tags": {"task": "detection", "classes": ["scratch"], **served}}
        fleet = {"model": "tags", "staging_group": f"{name}-staging", "prod_group": f"{name}-prod"}
        fleet["health_timeout_minutes"] = 1
        given: dict[str, Any] = {"name": name, "models": tags, "fleet": fleet}
        if models:
            given = {"name": name, "models": models, "parts": ["training", "promotion"]}
        if accounts:
            given |= {"accounts": {**accounts, "region": cloud.region}, "parts": ["promotion"]}
        self.config = Edgeline.from_values(given)
        make(app, self.config)
        app.synth()
        self._outputs: Outputs = deploy(self._assembly, cloud)
        session = cloud.root_session(self.accounts["tools"])
        self.s3, self.states = session.client("s3"), session.client("stepfunctions")
        self.functions = session.client("lambda")
        self._stacks = session.client("cloudformation")

    def output(self, stack: str, key: str) -> str:
        return self._outputs[f"{self.name}-{stack}"][key]

    def outputs(self, stack: str) -> Mapping[str, str]:
        return self._outputs[f"{self.name}-{stack}"]

    def resource(self, stack: str, kind: str, logical: str = "") -> str:
        """Give the physical name of the one resource of a type whose logical ID begins so."""
        listed = self._stacks.describe_stack_resources(StackName=f"{self.name}-{stack}")["StackResources"]
        [found] = [
            resource["PhysicalResourceId"]
            for resource in listed
            if resource["ResourceType"] == kind and resource["LogicalResourceId"].startswith(logical)
        ]
        return str(found)

    def first_run(self, pipeline: str) -> None:
        """Wait for the run of a workflow's pipeline that begins as the pipeline is made."""
        codepipeline = self.cloud.root_session().client("codepipeline")

        def look() -> str | None:
            found = codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
            return None if not found or found[-1]["status"] == "InProgress" else str(found[-1]["status"])

        assert eventually(look) == "Succeeded"

    @contextmanager
    def without_grant(self, action: str) -> Iterator[None]:
        """Deploy the templates without any statement's grant of an action, and as they were afterwards."""
        changed = self._folder / f"without-{action.replace(':', '-')}"
        shutil.copytree(self._assembly, changed)
        removed = 0
        for path in changed.rglob("*.template.json"):
            template = json.loads(path.read_text())
            removed += _remove(action, template["Resources"])
            path.write_text(json.dumps(template))
        assert removed, f"no statement allows {action}"
        deploy(changed, self.cloud)
        try:
            yield
        finally:
            deploy(self._assembly, self.cloud)

    @contextmanager
    def machine_with(self, machine: str, old: str, new: str) -> Iterator[None]:
        """Change a state machine's definition: what takes an hour on AWS must not take one here."""
        definition = self.states.describe_state_machine(stateMachineArn=machine)["definition"]
        assert old in definition
        self.states.update_state_machine(stateMachineArn=machine, definition=definition.replace(old, new))
        try:
            yield
        finally:
            self.states.update_state_machine(stateMachineArn=machine, definition=definition)

    @contextmanager
    def function_limit(self, name: str, *, seconds: int) -> Iterator[None]:
        """Let a function time out sooner than its template says."""
        before = self.functions.get_function_configuration(FunctionName=name)["Timeout"]
        self.functions.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            self.functions.update_function_configuration(FunctionName=name, Timeout=before)

    def has_retried(self, execution: str, error: str) -> bool:
        """Tell whether the execution's history knows of a task that failed so."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return any(error in json.dumps(event, default=str) for page in pages for event in page["events"])

    def put(self, bucket: str, key: str, body: bytes | str) -> str:
        content = body.encode() if isinstance(body, str) else body
        self.s3.put_object(Bucket=bucket, Key=key, Body=content)
        return f"s3://{bucket}/{key}"

    def keys(self, bucket: str, prefix: str) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def _remove(action: str, found: Any) -> int:
    """Take an action out of every list of actions; how many there were."""
    if isinstance(found, list):
        return sum(_remove(action, item) for item in found)
    if not isinstance(found, dict):
        return 0
    removed = 0
    for name, value in list(found.items()):
        if name == "Action" and action in (value if isinstance(value, list) else [value]):
            rest = [item for item in value if item != action] if isinstance(value, list) else []
            found[name] = rest or ["sts:GetCallerIdentity"]  # an empty list is no valid statement
            removed += 1
        else:
            removed += _remove(action, value)
    return removed
