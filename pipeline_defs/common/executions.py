"""Executions of a model's SageMaker pipeline, whoever started them."""

from typing import Any

_RUNS = ("Executing", "Stopping")


def running(sagemaker: Any, pipeline: str) -> str | None:
    """Return the ARN of an execution of the pipeline that has not ended; None where all have.

    The builds of a model queue, so that no build starts one between this answer and what another does next.
    """
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for execution in page["PipelineExecutionSummaries"]:
            if execution["PipelineExecutionStatus"] in _RUNS:
                return str(execution["PipelineExecutionArn"])
    return None
