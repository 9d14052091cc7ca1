"""When a training starts by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.training.standing import Standing, standing_of
from lambdas.training.train_at_threshold import is_due, wait_after
from lambdas.training.workflows import Workflow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FLOWERS = Workflow("flowers", "classification", "line-model-flowers", "line-flowers", train_at_images=3)


class Counted:
    """New data: their times."""

    def __init__(self, *times: datetime) -> None:
        self.times = times

    def count(self, model: str, since: datetime | None, limit: int) -> int:
        assert model == "flowers"
        return min(limit, sum(since is None or time > since for time in self.times))


class Aws:
    """Runs, newest first: (id, CodePipeline's status, when its build started a training); and SageMaker's."""

    class exceptions:  # noqa: N801 - as boto3 names it
        class ResourceNotFound(Exception):  # noqa: N818
            pass

    def __init__(self, *runs: tuple[str, str, datetime | None], trains: str | None = None) -> None:
        self.runs, self.trains = runs, trains

    def get_paginator(self, operation: str) -> "Aws":
        self.operation = operation
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked["pipelineName"] == "line-model-flowers"
        if self.operation == "list_pipeline_executions":
            found = [
                {"pipelineExecutionId": run, "status": status, "lastUpdateTime": NOW}
                for run, status, _ in self.runs
            ]
            return [{"pipelineExecutionSummaries": found}]
        [since] = [since for run, _, since in self.runs if run == asked["filter"]["pipelineExecutionId"]]
        arn = "none" if since is None else "arn:execution"
        output = {"outputVariables": {"PIPELINE_EXECUTION_ARN": arn}}
        source = {"startTime": NOW, "output": {}}
        return [{"actionExecutionDetails": [{"startTime": since or NOW, "output": output}, source]}]

    def list_pipeline_executions(self, **asked: Any) -> dict[str, Any]:
        if self.trains is None:
            raise self.exceptions.ResourceNotFound
        return {"PipelineExecutionSummaries": [{"PipelineExecutionStatus": self.trains}]}


def standing(*runs: tuple[str, str, datetime | None], trains: str | None = None) -> Standing:
    aws = Aws(*runs, trains=trains)
    return standing_of(aws, aws, FLOWERS)


def due(found: Standing, *times: datetime, now: datetime = NOW) -> bool:
    return is_due(found, FLOWERS, Counted(*times), now)  # type: ignore[arg-type]


EARLIER = NOW - timedelta(hours=2)
LATER = [NOW - timedelta(minutes=number) for number in range(3)]


def test_a_model_that_has_never_run_counts_all() -> None:
    assert standing() == Standing()
    assert due(standing(), *LATER)
    assert not due(standing(), *LATER[:2])


def test_it_is_counted_from_the_build_of_the_last_run_that_trained() -> None:
    found = standing(("b", "Succeeded", EARLIER), ("a", "Succeeded", EARLIER - timedelta(1)), trains="Failed")
    assert found.trained_since == EARLIER
    assert due(found, *LATER)
    assert not due(found, *LATER[:2], EARLIER, EARLIER - timedelta(1))


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_none_starts_while_a_run_is_under_way(status: str) -> None:
    assert not due(standing(("b", status, None), ("a", "Succeeded", EARLIER)), *LATER)


@pytest.mark.parametrize("trains", ["Executing", "Stopping"])
def test_none_starts_while_sagemaker_trains(trains: str) -> None:
    assert not due(standing(("a", "Succeeded", EARLIER), trains=trains), *LATER)
    assert not due(standing(trains=trains), *LATER)


def test_a_run_that_did_not_come_to_train_is_followed_by_another_after_a_while() -> None:
    found = standing(("c", "Failed", None), ("b", "Succeeded", None), ("a", "Succeeded", EARLIER))
    assert (found.failed, found.newest, found.trained_since) == (2, "c", EARLIER)
    assert not due(found, *LATER, now=NOW + timedelta(minutes=9))
    assert due(found, *LATER, now=NOW + timedelta(minutes=10))


def test_it_waits_ever_longer_but_not_for_ever() -> None:
    waits = [wait_after(failed) for failed in (1, 2, 3, 7, 8, 500)]
    assert [wait.total_seconds() / 60 for wait in waits] == [5, 10, 20, 320, 360, 360]


def test_a_pipeline_that_has_failed_for_ever_is_not_read_to_its_beginning() -> None:
    failed = [(str(number), "Failed", None) for number in range(100)]
    assert standing(*failed).failed == 40
