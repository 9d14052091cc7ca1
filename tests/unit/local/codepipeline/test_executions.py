"""Executions on their way: order, variables, tokens, failures, stops, retries."""

from __future__ import annotations

import pytest
from fake_codepipeline import CALL, Service, action, pipeline, stage, until

from local.cloud.errors import AwsError


def test_run_orders_are_in_sequence_and_one_order_in_parallel(service: Service) -> None:
    service.kind.held = {"a", "b"}
    service.pipelines.create_pipeline(
        CALL,
        pipeline=pipeline(stage("Work", action("c", runOrder=2), action("a"), action("b")), stage("End")),
    )
    first = next(iter(service.book.get("line").executions))
    service.reaches(first, "a")
    service.reaches(first, "b")
    service.kind.let_go(first, "a")
    until(lambda: service.book.get("line").execution(first).latest("Work", "a").status == "Succeeded")  # type: ignore[union-attr]
    assert "c" not in service.kind.names(first)
    service.kind.let_go(first, "b")
    assert service.ended(first) == "Succeeded"
    assert service.kind.names(first)[-2:] == ["c", "End"]
    assert service.states("Pipeline", first) == ["STARTED", "SUCCEEDED"]
    assert service.states("Stage", first) == ["STARTED", "SUCCEEDED"] * 3


def test_creating_a_pipeline_starts_it(service: Service) -> None:
    first = service.create(pipeline())
    summary = service.executions.list_pipeline_executions(CALL, pipelineName="line")
    [only] = summary["pipelineExecutionSummaries"]
    assert (only["pipelineExecutionId"], only["trigger"]["triggerType"]) == (first, "CreatePipeline")


def test_failed_action_lets_its_neighbours_end_and_nothing_start(service: Service) -> None:
    service.kind.failing = {"a"}
    first = service.create(
        pipeline(stage("Work", action("a"), action("b"), action("c", runOrder=2)), stage("End"))
    )
    assert service.status(first) == "Failed"
    assert sorted(service.kind.names(first)) == ["Source", "a", "b"]
    found = service.state("Work")["actionStates"][0]["latestExecution"]
    assert found["errorDetails"] == {"code": "JobFailed", "message": "a was told to fail"}
    assert "FAILED" in service.states("Action", first)


def test_variables_reach_the_configuration(service: Service) -> None:
    service.kind.variables = {"make": {"id": "7"}}
    told = "#{Made.id} #{variables.COMMIT} #{codepipeline.PipelineExecutionId}"
    used = action("use", configuration={"FunctionName": "f", "UserParameters": told}, runOrder=2)
    declared = pipeline(
        stage("Work", action("make", namespace="Made"), used),
        variables=[{"name": "COMMIT", "defaultValue": "unknown"}],
    )
    service.create(declared)
    started = service.start(variables=[{"name": "COMMIT", "value": "c0ffee"}])
    service.ended(started)
    seen = next(w for w in service.kind.seen if w.execution_id == started and w.action.name == "use")
    assert seen.configuration["UserParameters"] == f"7 c0ffee {started}"
    details = service.executions.list_action_executions(
        CALL, pipelineName="line", filter={"pipelineExecutionId": started}
    )["actionExecutionDetails"]
    resolved = {d["actionName"]: d["input"].get("resolvedConfiguration") for d in details}
    assert resolved["use"]["UserParameters"] == f"7 c0ffee {started}"


def test_variable_that_the_action_did_not_make_fails_who_uses_it(service: Service) -> None:
    used = action("use", configuration={"FunctionName": "f", "UserParameters": "#{Made.id}"}, runOrder=2)
    first = service.create(pipeline(stage("Work", action("make", namespace="Made"), used)))
    assert service.status(first) == "Failed"
    assert (
        "#{Made.id}" in service.state("Work")["actionStates"][1]["latestExecution"]["errorDetails"]["message"]
    )


def test_variable_without_value_or_declaration_is_refused(service: Service) -> None:
    service.pipelines.create_pipeline(CALL, pipeline=pipeline(variables=[{"name": "COMMIT"}]))
    assert service.book.get("line").executions == {}
    with pytest.raises(AwsError, match="COMMIT have no default"):
        service.start()
    with pytest.raises(AwsError, match="no variables OTHER"):
        service.start(variables=[{"name": "OTHER", "value": "1"}])


def test_token_starts_one_execution(service: Service) -> None:
    service.create(pipeline())
    assert service.start(clientRequestToken="commit") == service.start(clientRequestToken="commit")
    assert service.start(clientRequestToken="next") != service.start(clientRequestToken="other")


def test_source_revision_is_of_a_source_and_of_its_type(service: Service) -> None:
    service.create(pipeline())
    given = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "v1"}
    started = service.start(sourceRevisions=[given])
    assert service.ended(started) == "Succeeded"
    assert service.kind.seen[-2].override.revision == "v1"  # type: ignore[union-attr]
    with pytest.raises(AwsError, match="Work is no source action"):
        service.start(sourceRevisions=[{**given, "actionName": "Work"}])
    with pytest.raises(AwsError, match="COMMIT_ID is not served, S3_OBJECT_VERSION_ID is"):
        service.start(sourceRevisions=[{**given, "revisionType": "COMMIT_ID"}])


def stop(service: Service, execution: str, *, abandon: bool = False) -> None:
    service.executions.stop_pipeline_execution(
        CALL, pipelineName="line", pipelineExecutionId=execution, abandon=abandon, reason="enough"
    )


def test_stop_waits_for_what_runs(service: Service) -> None:
    service.create(pipeline(stage("Work", action("a"), action("b", runOrder=2))))
    service.kind.held = {"a"}
    started = service.start()
    service.reaches(started, "a")
    stop(service, started)
    assert service.status(started) == "Stopping"
    with pytest.raises(AwsError, match="DuplicatedStopRequestException"):
        stop(service, started)
    service.kind.let_go(started, "a")
    assert service.ended(started) == "Stopped"
    assert "b" not in service.kind.names(started)
    assert service.state("Work")["latestExecution"]["status"] == "Stopped"
    assert service.state("Work")["actionStates"][0]["latestExecution"]["status"] == "Succeeded"
    with pytest.raises(AwsError, match="PipelineExecutionNotStoppableException"):
        stop(service, started)


def test_stop_that_abandons_leaves_what_runs(service: Service) -> None:
    service.create(pipeline())
    service.kind.held = {"Work"}
    started = service.start()
    service.reaches(started, "Work")
    stop(service, started)
    stop(service, started, abandon=True)
    assert service.ended(started) == "Stopped"
    assert service.state("Work")["actionStates"][0]["latestExecution"]["status"] == "Abandoned"
    summaries = service.executions.list_pipeline_executions(CALL, pipelineName="line")
    assert summaries["pipelineExecutionSummaries"][0]["stopTrigger"] == {"reason": "enough"}


def retry(service: Service, execution: str, mode: str = "FAILED_ACTIONS") -> None:
    service.executions.retry_stage_execution(
        CALL, pipelineName="line", stageName="Work", pipelineExecutionId=execution, retryMode=mode
    )


def test_retry_runs_the_failed_actions_and_goes_on(service: Service) -> None:
    service.kind.failing = {"b"}
    first = service.create(pipeline(stage("Work", action("a"), action("b")), stage("End")))
    assert service.status(first) == "Failed"
    service.kind.failing = set()
    retry(service, first)
    assert service.ended(first) == "Succeeded"
    assert sorted(service.kind.names(first)) == ["End", "Source", "a", "b", "b"]
    assert "RESUMED" in service.states("Pipeline", first)
    with pytest.raises(AwsError, match="StageNotRetryableException"):
        retry(service, first)


def test_retry_of_all_actions_runs_all_again(service: Service) -> None:
    service.kind.failing = {"b"}
    first = service.create(pipeline(stage("Work", action("a"), action("b"))))
    service.kind.failing = set()
    retry(service, first, "ALL_ACTIONS")
    assert service.ended(first) == "Succeeded"
    assert service.kind.names(first).count("a") == 2


def test_stage_that_another_execution_has_entered_is_not_retried(service: Service) -> None:
    service.kind.failing = {"Work"}
    first = service.create(pipeline())
    service.ended(service.start())
    with pytest.raises(AwsError, match="NotLatestPipelineExecutionException"):
        retry(service, first)


def test_role_that_does_not_trust_codepipeline_makes_no_pipeline(service: Service) -> None:
    declared = pipeline()
    service.cloud.untrusted = {declared["roleArn"]}
    with pytest.raises(AwsError, match="not authorized to perform AssumeRole"):
        service.create(declared)
