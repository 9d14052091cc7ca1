"""Where a run stands, told from what CodePipeline and SageMaker answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.training import runs

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-west-1:1:pipeline/line-tags/execution/abc"
PACKAGE = "arn:aws:sagemaker:eu-west-1:1:model-package/line-tags/4"


def action(name: str, status: str = "Succeeded", **output: Any) -> dict[str, Any]:
    times = {"startTime": AT, "lastUpdateTime": AT}
    return {"stageName": "Run", "actionName": name, "status": status, "output": output, **times}


def build(arn: str = ARN, not_started: str = "none") -> dict[str, Any]:
    return action("Build", outputVariables={"PIPELINE_EXECUTION_ARN": arn, "NOT_STARTED": not_started})


def training(status: str, **more: Any) -> dict[str, Any]:
    return {"PipelineExecutionArn": ARN, "PipelineExecutionStatus": status, **more}


def step(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"StepName": name, "StepStatus": status, **more}


@pytest.mark.parametrize(
    ("run", "trains", "status"),
    [
        ("InProgress", None, "starting"),
        ("InProgress", "Executing", "starting"),
        ("Succeeded", "Executing", "training"),
        ("Succeeded", "Stopping", "stopping"),
        ("Succeeded", "Stopped", "stopped"),
        ("Succeeded", "Succeeded", "succeeded"),
        ("Succeeded", "Failed", "failed"),
        ("Succeeded", None, "nothing_started"),
        ("Failed", None, "failed"),
        ("Stopping", None, "stopping"),
        ("Stopped", None, "stopped"),
        ("Superseded", None, "superseded"),
        ("Cancelled", None, "cancelled"),
    ],
)
def test_one_word_for_the_whole(run: str, trains: str | None, status: str) -> None:
    assert runs.status_of(run, [build()], training(trains) if trains else None) == status
    assert (status in runs.ENDED) == (status not in ("starting", "training", "stopping"))


def test_the_newest_attempt_of_an_action_says_what_it_started() -> None:
    retried = [build(), action("Build", "Failed", executionResult={"externalExecutionSummary": "no"})]
    assert runs.execution_of(retried) == ARN
    assert runs.execution_of([build("none")]) is None
    assert runs.execution_of([]) is None


def test_a_build_that_fails_gives_its_error() -> None:
    result = {"errorDetails": {"message": "COMMAND_EXECUTION_ERROR:\n exit status 1"}}
    failed = [action("Build", "Failed", executionResult=result), action("Source")]
    assert runs.reason_of(failed, None, []) == "Build: COMMAND_EXECUTION_ERROR: exit status 1"
    assert runs.reason_of([action("Build", "Failed")], None, []) == "Build: failed, without a word why"


def test_a_training_that_fails_gives_the_reasons_of_its_steps() -> None:
    steps = [step("Train", "Succeeded"), step("Evaluate", "Failed", FailureReason="AlgorithmError: x")]
    assert runs.reason_of([build()], training("Failed", FailureReason="y"), steps) == (
        "Evaluate: AlgorithmError: x"
    )
    assert runs.reason_of([build()], training("Failed", FailureReason="y"), []) == "y"


def test_nothing_started_says_why() -> None:
    assert runs.reason_of([build("none", "there are no labels yet")], None, []) == "there are no labels yet"


def test_a_reason_is_no_longer_than_one_reads() -> None:
    steps = [step("Train", "Failed", FailureReason="x" * 5000)]
    assert len(runs.reason_of([build()], training("Failed"), steps) or "") == 1000


def test_who_started_a_run_is_whom_the_api_checked_or_else_whom_codepipeline_names() -> None:
    trigger = {"triggerType": "CloudWatchEvent", "triggerDetail": "arn:rule"}
    by_api = [{"name": "STARTED_BY", "resolvedValue": "arn:ada"}]
    by_rule = [{"name": "STARTED_BY", "resolvedValue": "none"}]
    assert runs.started_by({"trigger": trigger, "variables": by_api}) == "arn:ada"
    assert runs.started_by({"trigger": trigger, "variables": by_rule}) == "arn:rule"
    assert runs.started_by({}) is None


def test_a_document_has_all_of_it_and_no_reason_where_nothing_is_wrong() -> None:
    execution = {
        "pipelineExecutionId": "run-1",
        "status": "Succeeded",
        "variables": [
            {"name": "SEED", "resolvedValue": "3"}, {"name": "ALONE", "resolvedValue": "none"},
        ],
    }  # fmt: skip
    steps = [
        step("Train", "Succeeded", StartTime=AT, EndTime=AT),
        step("Register", "Succeeded", Metadata={"RegisterModel": {"Arn": PACKAGE}}),
    ]
    retried = [build(), action("Build", "Failed")]
    found = runs.described(execution, retried, training("Succeeded"), steps)
    assert (found["status"], found["ended"], found["reason"]) == ("succeeded", True, None)
    assert (found["model_package"], found["asked"]) == (PACKAGE, {"SEED": "3"})
    assert found["training"]["steps"][0] == {
        "step": "Train", "status": "Succeeded", "started_at": AT.isoformat(), "ended_at": AT.isoformat(),
    }  # fmt: skip
