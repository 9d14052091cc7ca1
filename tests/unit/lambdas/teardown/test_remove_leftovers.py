"""What is removed when, how often it is tried, and that CloudFormation always gets its answer."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.common import custom_resource
from lambdas.teardown import buckets, endpoints, fleet, pipelines, remove_leftovers
from lambdas.teardown.deadline import Deadline, OutOfTime
from lambdas.teardown.gone import unless_gone


class Context:
    def __init__(self, seconds: float = 900) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> float:
        return self._seconds * 1000


class Pages:
    def __init__(self, *pages: dict[str, Any]) -> None:
        self._pages = pages

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        return iter(self._pages)


class Client:
    """Answers calls from its keyword arguments, and remembers them; an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def get_paginator(self, operation: str) -> Any:
        return self._answers.get(operation, Pages())

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            found = self._answers.get(operation, {})
            found = found.pop(0) if isinstance(found, list) else found
            if isinstance(found, Exception):
                raise found
            return found

        return call

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]


def error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(custom_resource, "_put", lambda url, body: sent.append(json.loads(body)))
    return sent


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def request(kind: str = "Delete", **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "StackId": "arn:stack",
        "RequestId": "1",
        "LogicalResourceId": "Emptied",
        "ResponseURL": "http://127.0.0.1:9/",
        "ResourceProperties": properties,
    }


def serve(monkeypatch: pytest.MonkeyPatch, status: str, **clients: Client) -> None:
    stacks = Client(describe_stacks={"Stacks": [{"StackStatus": status}]})
    monkeypatch.setattr(boto3, "client", {"cloudformation": stacks, **clients}.__getitem__)


VERSIONS = {"Versions": [{"Key": "a", "VersionId": "1"}], "DeleteMarkers": [{"Key": "a", "VersionId": "2"}]}


def full_bucket() -> Client:
    return Client(list_object_versions=Pages(VERSIONS))


def test_a_bucket_is_emptied_with_its_stack(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    s3 = full_bucket()
    serve(monkeypatch, "DELETE_IN_PROGRESS", s3=s3)
    remove_leftovers.handler(request(Kind="Objects", Bucket="b"), Context())
    (deleted,) = s3.called("delete_objects")
    assert [item["VersionId"] for item in deleted["Delete"]["Objects"]] == ["1", "2"]
    assert [sent["Status"] for sent in answers] == ["SUCCESS"]


@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "CREATE_COMPLETE"]
)
def test_taking_the_removal_out_of_a_template_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], status: str
) -> None:
    s3 = full_bucket()
    serve(monkeypatch, status, s3=s3)
    remove_leftovers.handler(request(Kind="Objects", Bucket="b"), Context())
    assert s3.calls == []
    assert [sent["Status"] for sent in answers] == ["SUCCESS"]


def test_what_cannot_be_removed_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    s3 = Client(
        list_object_versions=Pages(VERSIONS), delete_objects={"Errors": [{"Key": "a", "Message": "locked"}]}
    )
    serve(monkeypatch, "DELETE_IN_PROGRESS", s3=s3)
    remove_leftovers.handler(request(Kind="Objects", Bucket="b"), Context())
    assert answers[0]["Status"] == "FAILED"
    assert answers[0]["Reason"] == "StillThere: 1 objects in b, such as a: locked"
    assert answers[0]["PhysicalResourceId"] == "Emptied"


def test_a_creation_removes_nothing_and_lets_the_logs_of_jobs_expire(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    logs = Client(create_log_group=[{}, error("ResourceAlreadyExistsException")])
    serve(monkeypatch, "CREATE_IN_PROGRESS", logs=logs)
    remove_leftovers.handler(
        request("Create", Kind="Pipelines", Pipelines=["p"], JobLogDays="180"), Context()
    )
    assert logs.called("put_retention_policy") == [
        {"logGroupName": "/aws/sagemaker/ProcessingJobs", "retentionInDays": 180}
    ]
    assert [sent["Status"] for sent in answers] == ["SUCCESS"]


def test_a_bucket_that_is_gone_is_empty() -> None:
    class Gone(Pages):
        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            raise error("NoSuchBucket")

    buckets.empty(Client(list_object_versions=Gone()), "b", Deadline(Context()))


def test_other_errors_are_not_taken_for_gone() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        unless_gone(Client(call=error("AccessDenied")).call)
    assert unless_gone(Client(call=error("ValidationException", 'Could not find model "m".')).call) is None


def test_an_endpoint_in_the_middle_of_a_change_is_waited_for() -> None:
    gone = error("ValidationException", 'Could not find endpoint "e".')
    sagemaker = Client(
        describe_endpoint=[{"EndpointStatus": "Updating"}, {"EndpointStatus": "InService"}, gone],
        delete_endpoint=[error("ValidationException", "Cannot update in-progress endpoint"), {}],
    )
    endpoints.remove(sagemaker, ["e"], [], Deadline(Context()))
    assert len(sagemaker.called("delete_endpoint")) == 2


def test_an_endpoint_that_never_goes_ends_the_function_before_its_time_does() -> None:
    sagemaker = Client(describe_endpoint={"EndpointStatus": "Deleting"})
    with pytest.raises(OutOfTime, match="deleting the endpoint e, Deleting"):
        endpoints.remove(sagemaker, ["e"], [], Deadline(Context(seconds=30)))


def test_a_component_goes_before_the_endpoint_that_it_holds() -> None:
    gone = error("ValidationException", 'Could not find inference component "c".')
    statuses = [{"InferenceComponentStatus": status} for status in ("Updating", "InService", "Deleting")]
    sagemaker = Client(describe_inference_component=[*statuses, gone])
    endpoints.remove_components(sagemaker, ["c"], Deadline(Context()))
    assert sagemaker.called("delete_inference_component") == [{"InferenceComponentName": "c"}]


def test_targets_and_alarms_that_are_gone_already_are_no_failure() -> None:
    scaling = Client(deregister_scalable_target=error("ObjectNotFoundException"))
    cloudwatch = Client(delete_alarms=[error("ResourceNotFound"), {}])
    endpoints.let_go(scaling, cloudwatch, [{"ResourceId": "r", "Dimension": "d"}], ["a", "b"])
    (deregistered,) = scaling.called("deregister_scalable_target")
    assert (deregistered["ResourceId"], deregistered["ScalableDimension"]) == ("r", "d")
    assert len(cloudwatch.called("delete_alarms")) == 2


def test_only_names_that_begin_with_the_prefix_are_removed() -> None:
    gone = error("ValidationException", "Could not find")
    models = Pages({"Models": [{"ModelName": "line-staging-v1"}, {"ModelName": "other-line-staging-v1"}]})
    configs = Pages({"EndpointConfigs": [{"EndpointConfigName": "line-staging-v1"}]})
    sagemaker = Client(describe_endpoint=gone, list_models=models, list_endpoint_configs=configs)
    endpoints.remove(sagemaker, ["line-staging"], ["line-staging"], Deadline(Context()))
    assert sagemaker.called("delete_model") == [{"ModelName": "line-staging-v1"}]
    assert sagemaker.called("delete_endpoint_config") == [{"EndpointConfigName": "line-staging-v1"}]


def test_running_executions_are_stopped_before_their_pipeline_goes() -> None:
    states = iter(["Executing", "Stopping", "Stopped"])

    class Executions(Pages):
        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            summary = {"PipelineExecutionArn": "p/execution/1", "PipelineExecutionStatus": next(states)}
            return iter([{"PipelineExecutionSummaries": [summary]}])

    steps = {"PipelineExecutionSteps": [{"Metadata": {"TrainingJob": {"Arn": "job/pipelines-1-Train"}}}]}
    streams = {"logStreams": [{"logStreamName": "pipelines-1-Train/algo-1"}]}
    sagemaker = Client(list_pipeline_executions=Executions(), list_pipeline_execution_steps=Pages(steps))
    logs = Client(describe_log_streams=Pages(streams))
    pipelines.remove(sagemaker, logs, ["p"], Deadline(Context()))
    assert [name for name, _ in sagemaker.calls] == ["stop_pipeline_execution", "delete_pipeline"]
    assert all(len(arguments["ClientRequestToken"]) >= 32 for _, arguments in sagemaker.calls)
    assert logs.called("delete_log_stream") == [
        {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "pipelines-1-Train/algo-1"}
    ]


def test_the_trials_of_a_tuning_leave_no_log_and_those_of_others_stay() -> None:
    names = [
        "abc123-TuneMode-x1-001-77/algo-1",
        "abc123-TuneMode-x1-002-78/algo-1",
        "def456-TuneMode-y/algo-1",
    ]

    class Streams(Pages):
        def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
            assert asked["logGroupName"] == "/aws/sagemaker/TrainingJobs"
            found = [name for name in names if name.startswith(asked["logStreamNamePrefix"])]
            return iter([{"logStreams": [{"logStreamName": name} for name in found]}])

    ended = {"PipelineExecutionArn": "p/execution/abc123", "PipelineExecutionStatus": "Succeeded"}
    arn = "arn:aws:sagemaker:eu-west-1:1:hyper-parameter-tuning-job/abc123-tunemode-x1"
    steps = {"PipelineExecutionSteps": [{"Metadata": {"TuningJob": {"Arn": arn}}}]}
    sagemaker = Client(
        list_pipeline_executions=Pages({"PipelineExecutionSummaries": [ended]}),
        list_pipeline_execution_steps=Pages(steps),
    )
    logs = Client(describe_log_streams=Streams())
    pipelines.remove(sagemaker, logs, ["p"], Deadline(Context()))
    assert [call["logStreamName"] for call in logs.called("delete_log_stream")] == names[:2]


def test_a_policy_that_devices_had_is_deleted_as_soon_as_iot_lets_it() -> None:
    iot = Client(
        list_targets_for_policy=Pages({"targets": ["cert/1"]}),
        list_policy_versions={"policyVersions": []},
        delete_policy=[error("DeleteConflictException"), {}],
    )
    fleet.remove_policies(iot, ["p"], Deadline(Context()))
    assert iot.called("detach_policy") == [{"policyName": "p", "target": "cert/1"}]
    assert len(iot.called("delete_policy")) == 2


def test_a_policy_that_no_device_had_is_left_to_cloudformation() -> None:
    iot = Client(list_targets_for_policy=Pages({"targets": []}))
    fleet.remove_policies(iot, ["p"], Deadline(Context()))
    assert iot.calls == []


def test_the_answer_is_put_as_cloudformation_has_signed_it_and_tried_again() -> None:
    seen: list[tuple[str | None, dict[str, Any]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(500 if len(seen) == 1 else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        custom_resource.send({**request(), "ResponseURL": url}, failure=None)
        server.shutdown()
    assert len(seen) == 2
    assert seen[1][0] == ""
    assert seen[1][1]["Status"] == "SUCCESS"


def test_an_answer_that_nobody_takes_ends_the_function_with_the_error() -> None:
    with pytest.raises(OSError, match="refused"):
        custom_resource.send(request(), failure=None)
