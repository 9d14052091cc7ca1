import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.call import Credentials
from local.cloud.errors import AwsError
from local.cloud.ministack_machines import Execution, TaskError
from local.cloud.plugin import SyncJob
from local.cloud.stepfunctions import PAYLOAD_LIMIT, Tasks

JOB = SyncJob(
    "sagemaker", "createProcessingJob", "ProcessingJobName", "describeProcessingJob", "ProcessingJobStatus",
    frozenset({"Completed"}), frozenset({"Failed", "Stopped"}), "stopProcessingJob",
)  # fmt: skip
CREATE = "arn:aws:states:::sagemaker:createProcessingJob"


class Client:
    """Answers from a list for each method, its last answer again and again, and keeps the calls."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append((name, parameters))
            left = self.answers[name]
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)

        return call


class Session:
    def __init__(self, client: Client) -> None:
        self._client = client

    def client(self, service: str, config: Any) -> Client:
        return self._client


def assume(role_arn: str, service: str, name: str) -> Credentials:
    assert (role_arn, service, name) == ("arn:role", "states.amazonaws.com", "run-1")
    return Credentials("a", "b", "c", "arn")


def perform(client: Client, resource: str, parameters: Any, *, running: bool = True) -> Any:
    tasks = Tasks(assume, lambda _: Session(client), [JOB])
    execution = Execution("arn:aws:states:eu-west-1:0:execution:m:run-1", "arn:role", lambda: running)
    return tasks.perform(resource, parameters, execution)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "X")


def test_lower_camel_members_are_pascal_in_the_state() -> None:
    client = Client(create_deployment=[{"deploymentId": "d", "ResponseMetadata": {}}])
    given = {"TargetArn": "arn:t", "Components": {"com.x": {"ComponentVersion": "1.0.0"}}}
    answer = perform(client, "arn:aws:states:::aws-sdk:greengrassv2:createDeployment", given)
    assert answer == {"DeploymentId": "d"}
    expected = {"targetArn": "arn:t", "components": {"com.x": {"componentVersion": "1.0.0"}}}
    assert client.calls == [("create_deployment", expected)]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceNotFound", "SageMaker.ResourceNotFoundException"),
        ("AccessDenied", "SageMaker.SageMakerException"),
    ],
)
def test_errors_have_the_names_of_step_functions(code: str, error: str) -> None:
    client = Client(describe_training_job=[refused(code)])
    with pytest.raises(TaskError) as failed:
        perform(client, "arn:aws:states:::aws-sdk:sagemaker:describeTrainingJob", {"TrainingJobName": "a"})
    assert failed.value.error == error


def test_sync_job_is_waited_for() -> None:
    client = Client(
        create_processing_job=[{"ProcessingJobArn": "arn:j"}],
        describe_processing_job=[{"ProcessingJobStatus": "InProgress"}, {"ProcessingJobStatus": "Completed"}],
    )
    answer = perform(client, f"{CREATE}.sync", {"ProcessingJobName": "j"})
    assert answer == {"ProcessingJobStatus": "Completed"}
    assert client.calls[-1] == ("describe_processing_job", {"ProcessingJobName": "j"})


def test_failed_sync_job_fails_the_task_with_its_description() -> None:
    client = Client(
        create_processing_job=[{}],
        describe_processing_job=[{"ProcessingJobStatus": "Failed", "FailureReason": "exit code 3"}],
    )
    with pytest.raises(TaskError) as failed:
        perform(client, f"{CREATE}.sync", {"ProcessingJobName": "j"})
    assert failed.value.error == "States.TaskFailed"
    assert json.loads(failed.value.cause)["FailureReason"] == "exit code 3"


def test_stopped_execution_stops_its_job() -> None:
    client = Client(
        create_processing_job=[{}],
        describe_processing_job=[{"ProcessingJobStatus": "InProgress"}],
        stop_processing_job=[{}],
    )
    with pytest.raises(TaskError, match="the execution was stopped"):
        perform(client, f"{CREATE}.sync", {"ProcessingJobName": "j"}, running=False)
    assert client.calls[-1][0] == "stop_processing_job"


def test_events_take_their_detail_as_json() -> None:
    client = Client(put_events=[{"FailedEntryCount": 0}])
    entry = {"Source": "edgeline", "DetailType": "Model Promoted", "Detail": {"model": "tags"}}
    perform(client, "arn:aws:states:::events:putEvents", {"Entries": [entry]})
    assert client.calls[0][1]["Entries"][0]["Detail"] == '{"model": "tags"}'


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        ("arn:aws:states:::sagemaker:createTransformJob.sync", "is not served by the local cloud"),
        ("arn:aws:states:::aws-sdk:sagemaker:launchRocket", "has no action launchRocket"),
        ("arn:aws:nothing", "arn:aws:nothing is not served by the local cloud"),
    ],
)
def test_what_is_not_served_fails_by_name(resource: str, problem: str) -> None:
    with pytest.raises(TaskError, match=problem):
        perform(Client(create_transform_job=[{}]), resource, {})


def test_payload_of_more_than_256_kib_fails() -> None:
    with pytest.raises(TaskError, match=r"States\.DataLimitExceeded: the task's input has"):
        perform(Client(), "arn:aws:states:::events:putEvents", {"Entries": "x" * PAYLOAD_LIMIT})


def test_role_that_does_not_trust_step_functions_fails_the_task() -> None:
    def refuse(role_arn: str, service: str, name: str) -> Credentials:
        raise AwsError(
            "AccessDenied", "states.amazonaws.com is not authorized to perform: sts:AssumeRole", 403
        )

    tasks = Tasks(refuse, lambda _: None, [])
    with pytest.raises(TaskError, match="sts:AssumeRole"):
        tasks.perform("arn:aws:states:::events:putEvents", {}, Execution("arn:e", "arn:role", lambda: True))
