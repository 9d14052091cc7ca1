"""Several executions at once, closed transitions, and an update while one runs."""

from __future__ import annotations

import pytest
from fake_codepipeline import CALL, Service, action, pipeline, stage, until

from local.cloud.errors import AwsError
from local.codepipeline.engine import Engine


def three_stages(mode: str = "SUPERSEDED") -> dict[str, object]:
    return pipeline(stage("Work"), stage("End"), executionMode=mode)


def inbound(service: Service, name: str) -> list[str]:
    return [found["pipelineExecutionId"] for found in service.state(name)["inboundExecutions"]]


def test_waiting_execution_is_superseded_by_a_later_one(service: Service) -> None:
    service.create(three_stages())
    service.kind.held = {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    older = service.start()
    until(lambda: inbound(service, "Work") == [older])
    newer = service.start()
    assert service.ended(older) == "Superseded"
    assert "SUPERSEDED" in service.states("Pipeline", older)
    service.kind.let_go(running, "Work")
    service.reaches(newer, "Work")
    service.kind.let_go(newer, "Work")
    assert (service.ended(running), service.ended(newer)) == ("Succeeded", "Succeeded")
    assert "Work" not in service.kind.names(older)


def test_queued_executions_pass_one_by_one_in_their_order(service: Service) -> None:
    service.create(three_stages("QUEUED"))
    service.kind.held = {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    second, third = service.start(), service.start()
    until(lambda: inbound(service, "Work") == [second, third])
    for execution in (running, second, third):
        service.reaches(execution, "Work")
        service.kind.let_go(execution, "Work")
        assert service.ended(execution) == "Succeeded"


def test_parallel_executions_do_not_wait_for_each_other(service: Service) -> None:
    service.create(three_stages("PARALLEL"))
    service.kind.held = {"Work"}
    first, second = service.start(), service.start()
    service.reaches(first, "Work")
    service.reaches(second, "Work")
    service.kind.let_go(second, "Work")
    assert service.ended(second) == "Succeeded"
    assert service.status(first) == "InProgress"
    service.kind.let_go(first, "Work")
    assert service.ended(first) == "Succeeded"


def test_failure_frees_the_stage(service: Service) -> None:
    service.create(three_stages())
    service.kind.held, service.kind.failing = {"Work"}, {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    waiting = service.start()
    until(lambda: inbound(service, "Work") == [waiting])
    service.kind.let_go(running, "Work")
    assert service.ended(running) == "Failed"
    service.reaches(waiting, "Work")


def test_waiting_execution_can_be_stopped(service: Service) -> None:
    service.create(three_stages("QUEUED"))
    service.kind.held = {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    waiting = service.start()
    until(lambda: inbound(service, "Work") == [waiting])
    service.executions.stop_pipeline_execution(CALL, pipelineName="line", pipelineExecutionId=waiting)
    assert service.ended(waiting) == "Stopped"
    assert inbound(service, "Work") == []


def test_queue_has_an_end(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{Engine.__module__}._MOST_AT_ONCE", 2)
    service.create(three_stages("QUEUED"))
    service.kind.held = {"Work"}
    service.start()
    service.start()
    with pytest.raises(AwsError, match="ConcurrentPipelineExecutionsLimitExceededException"):
        service.start()


def test_closed_transition_holds_the_newest_until_it_is_opened(service: Service) -> None:
    service.create(three_stages())
    service.pipelines.disable_stage_transition(
        CALL, pipelineName="line", stageName="End", transitionType="Inbound", reason="freeze"
    )
    older = service.start()
    until(lambda: inbound(service, "End") == [older])
    assert service.state("End")["inboundTransitionState"]["disabledReason"] == "freeze"
    newer = service.start()
    assert service.ended(older) == "Superseded"
    service.pipelines.enable_stage_transition(
        CALL, pipelineName="line", stageName="End", transitionType="Inbound"
    )
    assert service.ended(newer) == "Succeeded"


def test_update_cancels_what_runs_and_lets_the_action_end(service: Service) -> None:
    service.create(three_stages())
    service.kind.held = {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    changed = pipeline(stage("Work"), stage("Added"), stage("End"))
    assert service.pipelines.update_pipeline(CALL, pipeline=changed)["pipeline"]["version"] == 2
    assert service.status(running) == "Cancelled"
    assert service.state("Work")["latestExecution"]["status"] == "Cancelled"
    following = service.start()
    until(lambda: inbound(service, "Work") == [following])  # what was begun still has the stage
    service.kind.let_go(running, "Work")
    service.reaches(following, "Work")
    service.kind.let_go(following, "Work")
    assert service.ended(following) == "Succeeded"
    assert service.kind.names(running) == ["Source", "Work"]
    assert service.kind.names(following) == ["Source", "Work", "Added", "End"]
    record = service.book.get("line").execution(running).latest("Work", "Work")
    assert record is not None
    assert record.status == "Succeeded"
    assert service.status(running) == "Cancelled"
    assert "CANCELED" in service.states("Stage", running)
    found = service.executions.get_pipeline_execution(
        CALL, pipelineName="line", pipelineExecutionId=following
    )
    assert found["pipelineExecution"]["pipelineVersion"] == 2


def test_update_ends_a_waiting_approval(service: Service) -> None:
    asking = pipeline(stage("Ask", action("ok", "Manual"), action("beside")))
    service.kind.held = {"ok", "beside"}
    service.pipelines.create_pipeline(CALL, pipeline=asking)
    first = next(iter(service.book.get("line").executions))
    service.reaches(first, "ok")
    service.reaches(first, "beside")
    service.pipelines.update_pipeline(CALL, pipeline=asking)
    assert service.status(first) == "Cancelled"
    until(lambda: service.state("Ask")["actionStates"][0]["latestExecution"]["status"] == "Abandoned")
    assert service.state("Ask")["actionStates"][1]["latestExecution"]["status"] == "InProgress"
    service.kind.let_go(first, "beside")


def test_old_version_can_still_be_read(service: Service) -> None:
    service.create(three_stages())
    service.pipelines.update_pipeline(CALL, pipeline=pipeline(stage("Other")))
    old = service.pipelines.get_pipeline(CALL, name="line", version=1)["pipeline"]
    assert [found["name"] for found in old["stages"]] == ["Source", "Work", "End"]
    with pytest.raises(AwsError, match="PipelineVersionNotFoundException"):
        service.pipelines.get_pipeline(CALL, name="line", version=3)


def test_deleted_pipeline_leaves_what_runs(service: Service) -> None:
    service.create(three_stages())
    service.kind.held = {"Work"}
    running = service.start()
    service.reaches(running, "Work")
    execution = service.book.get("line").execution(running)
    service.pipelines.delete_pipeline(CALL, name="line")
    until(lambda: execution.status == "Stopped")
    with pytest.raises(AwsError, match="PipelineNotFoundException"):
        service.executions.get_pipeline_state(CALL, name="line")
    service.pipelines.delete_pipeline(CALL, name="line")
