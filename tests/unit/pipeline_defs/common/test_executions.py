from typing import Any

import pytest

from pipeline_defs.common.executions import running

OTHER = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/line-tags/execution/other"


class SageMaker:
    """A pipeline with executions of these statuses, a page each."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = statuses

    def get_paginator(self, _: str) -> "SageMaker":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked["PipelineName"] == "line-tags"
        found = [{"PipelineExecutionArn": OTHER, "PipelineExecutionStatus": one} for one in self.statuses]
        return [{"PipelineExecutionSummaries": [one]} for one in found]


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_one_that_has_not_ended_runs(status: str) -> None:
    assert running(SageMaker("Succeeded", status), "line-tags") == OTHER


def test_what_has_ended_runs_no_more() -> None:
    assert running(SageMaker("Succeeded", "Failed", "Stopped"), "line-tags") is None
