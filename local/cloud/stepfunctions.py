"""The tasks of state machines, as real API calls signed with the state machine's role.

Every service integration goes this way, also those to ministack's own services: IAM decides on each as it
does on AWS, where the role of the state machine needs `lambda:InvokeFunction`, `dynamodb:PutItem` and so on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

from local.cloud.aws_session import service_model
from local.cloud.call import Credentials
from local.cloud.errors import AwsError
from local.cloud.ministack_machines import Execution, TaskError
from local.cloud.plugin import SyncJob

PAYLOAD_LIMIT = 256 * 1024
_POLL_SECONDS = 0.2
_ONCE = Config(read_timeout=910, retries={"max_attempts": 0})
_SDK_NAMES = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "sagemakerfeaturestoreruntime": "sagemaker-featurestore-runtime",
    "sagemakerruntime": "sagemaker-runtime",
    "sfn": "stepfunctions",
}
_OPTIMIZED_NAMES = {"states": "stepfunctions"}

ATHENA_QUERY = SyncJob(
    service="athena", action="startQueryExecution", name="QueryExecutionId", describe="getQueryExecution",
    status="QueryExecution.Status.State", done=frozenset({"SUCCEEDED"}),
    failed=frozenset({"FAILED", "CANCELLED"}), stop="stopQueryExecution",
)  # fmt: skip
NESTED_EXECUTION = SyncJob(
    service="stepfunctions", action="startExecution", name="ExecutionArn", describe="describeExecution",
    status="Status", done=frozenset({"SUCCEEDED"}), failed=frozenset({"FAILED", "ABORTED", "TIMED_OUT"}),
    stop="stopExecution",
)  # fmt: skip

Assume = Callable[[str, str, str], Credentials]  # role ARN, service, session name
Session = Callable[[Credentials], Any]


class Tasks:
    """Performs the tasks of all state machines."""

    def __init__(self, assume: Assume, session: Session, sync_jobs: Sequence[SyncJob]) -> None:
        self._assume = assume
        self._session = session
        jobs = [ATHENA_QUERY, NESTED_EXECUTION, *sync_jobs]
        self._sync_jobs = {(job.service, job.action): job for job in jobs}

    def perform(self, resource: str, parameters: Any, execution: Execution) -> Any:
        """Do one task and return its result; TaskError as Step Functions names it when it fails."""
        _check_size("input", parameters)
        result = self._perform(resource, parameters, execution)
        _check_size("result", result)
        return result

    def _perform(self, resource: str, parameters: Any, execution: Execution) -> Any:
        clients = self._clients(execution)
        parts = resource.split(":")
        if ":function:" in resource:
            return _invoke(clients("lambda"), {"FunctionName": resource, "Payload": parameters})["Payload"]
        if "states:::lambda:invoke" in resource:
            return _invoke(clients("lambda"), parameters)
        if "states:::aws-sdk:" in resource and len(parts) >= 8:
            service = _SDK_NAMES.get(parts[6], parts[6])
            return _call(clients(service), service, parts[7].partition(".")[0], parameters)
        if resource.startswith("arn:aws:states:::") and len(parts) >= 7:
            return self._optimized(clients, parts[5], ":".join(parts[6:]), parameters, execution)
        raise TaskError("States.Runtime", f"{resource} is not served by the local cloud")

    def _optimized(
        self,
        clients: Callable[[str], Any],
        name: str,
        action_form: str,
        parameters: Any,
        execution: Execution,
    ) -> Any:
        service = _OPTIMIZED_NAMES.get(name, name)
        action, _, form = action_form.partition(".")
        parameters = _with_json_input(service, parameters)
        started = _call(clients(service), service, action, parameters)
        if not form.startswith("sync"):
            return started
        job = self._sync_jobs.get((service, action))
        if job is None:
            raise TaskError("States.Runtime", f"{name}:{action}.{form} is not served by the local cloud")
        answer = _await_job(clients(service), job, {**parameters, **started}[job.name], execution)
        if service == "stepfunctions" and form == "sync:2":
            answer["Output"] = json.loads(answer["Output"])
        return answer

    def _clients(self, execution: Execution) -> Callable[[str], Any]:
        name = execution.arn.rpartition(":")[2]
        try:
            credentials = self._assume(execution.role_arn, "states.amazonaws.com", name)
        except AwsError as error:
            raise TaskError("States.TaskFailed", error.message) from error
        session = self._session(credentials)
        return lambda service: session.client(service, config=_ONCE)


def _check_size(what: str, value: Any) -> None:
    size = len(json.dumps(value, default=str).encode())
    if size > PAYLOAD_LIMIT:
        raise TaskError(
            "States.DataLimitExceeded",
            f"the task's {what} has {size} bytes, at most {PAYLOAD_LIMIT} are allowed",
        )


def _invoke(client: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    request = dict(parameters)
    if "Payload" in request:
        request["Payload"] = json.dumps(request["Payload"]).encode()
    try:
        answer = client.invoke(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        named = (
            code
            if code.endswith("Exception") and not code.startswith("AccessDenied")
            else "AWSLambdaException"
        )
        raise TaskError(f"Lambda.{named}", str(error)) from error
    except ParamValidationError as error:
        raise TaskError("States.Runtime", str(error)) from error
    text = answer["Payload"].read().decode()
    payload = json.loads(text) if text else None
    if answer.get("FunctionError"):
        kind = payload.get("errorType", "Lambda.Unknown") if isinstance(payload, dict) else "Lambda.Unknown"
        raise TaskError(kind, text)
    return {
        "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
        "Payload": payload,
        "StatusCode": 200,
    }


def _call(client: Any, service: str, action: str, parameters: Any) -> dict[str, Any]:
    """Call an API action; names are in Step Functions' form, PascalCase."""
    model = service_model(service)
    operation = action[:1].upper() + action[1:]
    prefix = model.metadata["serviceId"].replace(" ", "")
    if operation not in model.operation_names:
        raise TaskError("States.Runtime", f"{service} has no action {action}")
    shapes = model.operation_model(operation)
    try:
        method = getattr(client, xform_name(operation))
        answer = method(**(_to_api(parameters or {}, shapes.input_shape)))
    except ClientError as error:
        modelled = {shape.error_code for shape in shapes.error_shapes}
        raise TaskError(f"{prefix}.{_error_name(error, prefix, modelled)}", str(error)) from error
    except ParamValidationError as error:
        raise TaskError("States.Runtime", str(error)) from error
    answer.pop("ResponseMetadata", None)
    result = _from_api(answer, shapes.output_shape)
    assert isinstance(result, dict)  # noqa: S101 - an answer is a structure
    return result


def _error_name(error: ClientError, prefix: str, modelled: set[str]) -> str:
    code = str(error.response["Error"]["Code"])
    if code not in modelled:
        return f"{prefix}Exception"
    return code if code.endswith("Exception") else f"{code}Exception"


def _await_job(client: Any, job: SyncJob, name: Any, execution: Execution) -> dict[str, Any]:
    while True:
        answer = _call(client, job.service, job.describe, {job.name: name})
        status: Any = answer
        for part in job.status.split("."):
            status = status[part]
        if status in job.done:
            return answer
        if status in job.failed:
            raise TaskError("States.TaskFailed", json.dumps(answer, default=str))
        if not execution.running():
            _call(client, job.service, job.stop, {job.name: name})
            raise TaskError("States.Runtime", "the execution was stopped")
        time.sleep(_POLL_SECONDS)


def _with_json_input(service: str, parameters: Any) -> Any:
    """Return the parameters with those members as text that an optimized integration takes as JSON."""
    if service == "stepfunctions" and not isinstance(parameters.get("Input", ""), str):
        return {**parameters, "Input": json.dumps(parameters["Input"])}
    if service == "events" and "Entries" in parameters:
        return {**parameters, "Entries": [_text_member(entry, "Detail") for entry in parameters["Entries"]]}
    if service == "sqs":
        return _text_member(parameters, "MessageBody")
    if service == "sns":
        return _text_member(parameters, "Message")
    return parameters


def _text_member(entry: Mapping[str, Any], member: str) -> dict[str, Any]:
    value = entry.get(member, "")
    return dict(entry) if isinstance(value, str) else {**entry, member: json.dumps(value)}


def _to_api(value: Any, shape: Any) -> Any:
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        names = {name[:1].upper() + name[1:]: name for name in shape.members}
        return {
            names.get(key, key): _to_api(item, shape.members.get(names.get(key, key)))
            for key, item in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_to_api(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _to_api(item, shape.value) for key, item in value.items()}
    if shape.type_name == "blob" and not isinstance(value, str | bytes):
        return json.dumps(value).encode()
    return value


def _from_api(value: Any, shape: Any) -> Any:
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(value, dict):
        return {
            key[:1].upper() + key[1:]: _from_api(item, shape.members.get(key)) for key, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_from_api(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _from_api(item, shape.value) for key, item in value.items()}
    return value
