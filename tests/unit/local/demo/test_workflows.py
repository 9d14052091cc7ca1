from typing import Any

import pytest

from local.demo import workflows
from local.demo.workflows import LineStopped, await_first_run, run_pipeline


class FakeCodePipeline:
    """One execution, which looks at it find in these states one after the other."""

    def __init__(self, statuses: list[str], actions: list[dict[str, Any]]) -> None:
        self._statuses, self._actions = statuses, actions
        self.started: list[dict[str, Any]] = []

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"pipelineExecutionId": "e"}

    def get_pipeline_execution(self, pipelineName: str, pipelineExecutionId: str) -> dict[str, Any]:  # noqa: N803
        assert (pipelineName, pipelineExecutionId) == ("line-model-tags", "e")
        return {"pipelineExecution": {"status": self._statuses.pop(0)}}

    def get_paginator(self, operation: str) -> "FakeCodePipeline":
        assert operation == "list_action_executions"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self.list_action_executions()]

    def list_action_executions(self, **_: Any) -> dict[str, Any]:
        return {"actionExecutionDetails": self._actions}


def action(name: str, status: str, **output: Any) -> dict[str, Any]:
    stage = "Source" if name == "Source" else "Run"
    return {"stageName": stage, "actionName": name, "status": status, "output": output}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "_POLL_SECONDS", 0)


def test_a_pipeline_is_started_with_what_is_said_and_gives_what_its_actions_put_out() -> None:
    arn = {"PIPELINE_EXECUTION_ARN": "arn"}
    actions = [action("Source", "Succeeded"), action("Build", "InProgress", outputVariables=arn)]
    codepipeline, told = FakeCodePipeline(["InProgress", "Succeeded"], actions), []
    assert run_pipeline(codepipeline, "line-model-tags", {"SEED": "3"}, tick=told.append) == arn
    assert codepipeline.started == [
        {"name": "line-model-tags", "variables": [{"name": "SEED", "value": "3"}]}
    ]
    assert told == ["Build"]


def test_a_pipeline_that_fails_says_which_action_and_why() -> None:
    why = {"externalExecutionSummary": "Build x ended FAILED\nin INSTALL"}
    codepipeline = FakeCodePipeline(
        ["Failed"], [action("Source", "Succeeded"), action("Build", "Failed", executionResult=why)]
    )
    with pytest.raises(LineStopped) as stopped:
        run_pipeline(codepipeline, "line-model-tags", {}, tick=lambda _: None)
    assert str(stopped.value) == "pipeline line-model-tags Failed: Build: Build x ended FAILED in INSTALL"


def test_the_first_run_of_a_pipeline_is_over_when_its_last_stage_is() -> None:
    over = [action("Build", "Succeeded"), action("Source", "Succeeded")]
    await_first_run(FakeCodePipeline([], over), "line-labeling")
    for actions in ([], [action("Source", "Succeeded")], [action("Build", "InProgress")]):
        with pytest.raises(LineStopped, match="line-labeling has not run within"):
            await_first_run(FakeCodePipeline([], actions), "line-labeling", patience_seconds=0.01)
