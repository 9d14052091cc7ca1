import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.delivery import start_workflows

PARAMETERS = {"pipelines": ["line-labeling", "line-model-tags", "line-inspector"], "commit": "abc123"}
EVENT = {
    "CodePipeline.job": {
        "id": "11111111-2222-3333-4444-555555555555",
        "data": {
            "actionConfiguration": {
                "configuration": {
                    "FunctionName": "StartWorkflows",
                    "UserParameters": json.dumps(PARAMETERS),
                }
            }
        },
    }
}


class FakeCodePipeline:
    """Pipelines by name: their version, and the versions of their executions, oldest first."""

    def __init__(self) -> None:
        self.versions = dict.fromkeys(PARAMETERS["pipelines"], 3)
        self.executed: dict[str, list[int]] = {name: [] for name in self.versions}
        self.started: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []

    def get_pipeline(self, name: str) -> dict[str, Any]:
        if name not in self.versions:
            raise ClientError({"Error": {"Code": "PipelineNotFoundException"}}, "GetPipeline")
        return {"pipeline": {"name": name, "version": self.versions[name]}}

    def list_pipeline_executions(self, pipelineName: str, maxResults: int) -> dict[str, Any]:  # noqa: N803
        numbers = range(len(self.executed[pipelineName]))
        found = [{"pipelineExecutionId": str(number)} for number in reversed(numbers)]
        return {"pipelineExecutionSummaries": found[:maxResults]}

    def get_pipeline_execution(self, pipelineName: str, pipelineExecutionId: str) -> dict[str, Any]:  # noqa: N803
        version = self.executed[pipelineName][int(pipelineExecutionId)]
        return {"pipelineExecution": {"pipelineVersion": version}}

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        self.executed[request["name"]].append(self.versions[request["name"]])
        return {"pipelineExecutionId": "new"}

    def put_job_success_result(self, **result: Any) -> None:
        self.results.append(result)

    def put_job_failure_result(self, **result: Any) -> None:
        self.results.append(result)


@pytest.fixture
def codepipeline(monkeypatch: pytest.MonkeyPatch) -> FakeCodePipeline:
    fake = FakeCodePipeline()
    monkeypatch.setattr(boto3, "client", lambda service: {"codepipeline": fake}[service])
    return fake


def test_what_a_deployment_has_changed_is_started_with_its_commit(codepipeline: FakeCodePipeline) -> None:
    codepipeline.executed = {"line-labeling": [3], "line-model-tags": [1, 2], "line-inspector": []}
    start_workflows.handler(EVENT, None)
    assert codepipeline.started == [
        {
            "name": name,
            "clientRequestToken": f"{name}-v3",
            "variables": [{"name": "COMMIT", "value": "abc123"}],
        }
        for name in ("line-model-tags", "line-inspector")
    ]
    [result] = codepipeline.results
    assert result["jobId"] == EVENT["CodePipeline.job"]["id"]
    assert result["outputVariables"] == {"started": "line-model-tags, line-inspector"}


def test_a_second_deployment_without_a_change_starts_nothing(codepipeline: FakeCodePipeline) -> None:
    start_workflows.handler(EVENT, None)
    codepipeline.started.clear()
    start_workflows.handler(EVENT, None)
    assert codepipeline.started == []
    assert codepipeline.results[-1]["outputVariables"] == {"started": "none"}


def test_an_older_execution_of_the_present_version_does_not_count(codepipeline: FakeCodePipeline) -> None:
    """A definition that was taken back has a version of its own."""
    codepipeline.executed = {name: [3, 2] for name in codepipeline.versions}
    start_workflows.handler(EVENT, None)
    assert [request["name"] for request in codepipeline.started] == PARAMETERS["pipelines"]


def test_a_pipeline_that_cannot_be_read_fails_the_action_after_the_others(
    codepipeline: FakeCodePipeline,
) -> None:
    del codepipeline.versions["line-labeling"]
    start_workflows.handler(EVENT, None)
    assert [request["name"] for request in codepipeline.started] == ["line-model-tags", "line-inspector"]
    [result] = codepipeline.results
    message = result["failureDetails"]["message"]
    assert result["failureDetails"]["type"] == "JobFailed"
    assert message.startswith("line-labeling: ")
    assert "PipelineNotFoundException" in message
    assert message.endswith("Started: line-model-tags, line-inspector")
