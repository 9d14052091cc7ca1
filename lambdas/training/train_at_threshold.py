"""Starts the training of each model that has enough new data; called by the clock, every few minutes.

In:  nothing that is read
Out: {"started": {model: run}}

New is what came after the start of the last run that trained, whoever started it. It looks at what there is:
called twice, or late, it does nothing else. Nothing is started while a run of the model is under way, and the
build of what is started looks once more. A run that ended before it trained, its build failed say, is started
again: after 5 minutes, then 10, 20, ... 6 hours at most.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common import environment
from lambdas.training.new_data import NewData
from lambdas.training.standing import Standing, standing_of
from lambdas.training.workflows import Workflow, workflows

_FIRST_WAIT, _LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=6)
_log = logging.getLogger(__name__)


class NotLookedAt(RuntimeError):  # noqa: N818 - what the function's log and metric show
    """Some models could not be looked at; the next call does, the message names them."""


@dataclass(frozen=True)
class Environment:
    """The models and the starts table."""

    models: str
    table: str


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Look at each model and start what is due."""
    env = environment.read(Environment)
    codepipeline, sagemaker = boto3.client("codepipeline"), boto3.client("sagemaker")
    new_data = NewData(boto3.resource("dynamodb").Table(env.table))
    started, failed = {}, []
    for workflow in workflows(env.models):
        if not workflow.train_at_images:
            continue
        try:
            standing = standing_of(codepipeline, sagemaker, workflow)
            if is_due(standing, workflow, new_data, datetime.now(UTC)):
                started[workflow.model] = start(codepipeline, workflow, standing, new_data)
        except (ClientError, BotoCoreError) as error:
            _log.exception("%s", workflow.model)
            failed.append(f"{workflow.model}: {error}")
    if failed:
        raise NotLookedAt("; ".join(failed))
    return {"started": started}


def is_due(standing: Standing, workflow: Workflow, new_data: NewData, now: datetime) -> bool:
    """Tell whether to start a run now: none is under way, none has just failed, and enough is new."""
    if standing.under_way:
        return False
    if standing.failed and now - standing.ended < wait_after(standing.failed):
        return False
    enough = workflow.train_at_images
    return new_data.count(workflow.model, standing.trained_since, enough) >= enough


def wait_after(failed: int) -> timedelta:
    """How long to wait after so many runs, one after the other, that did not come to train."""
    doubled: int = 2 ** min(failed - 1, 20)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


def start(codepipeline: Any, workflow: Workflow, standing: Standing, new_data: NewData) -> str:
    """Start the run that follows the newest one: however often this is asked, that is one."""
    given = {"ALONE": "yes", "STARTED_BY": f"{workflow.train_at_images} new"}
    if workflow.task == "detection":
        # The labels are in the offline store some minutes after their manifest; the run waits for them.
        given["LABELS_MANIFEST"] = new_data.newest_source(workflow.model) or "none"
    token = hashlib.sha256(f"{workflow.model} after {standing.newest}".encode()).hexdigest()
    started = codepipeline.start_pipeline_execution(
        name=workflow.name,
        variables=[{"name": name, "value": value} for name, value in given.items()],
        clientRequestToken=token,
    )
    run: str = started["pipelineExecutionId"]
    _log.warning("%s: %d new, run %s", workflow.model, workflow.train_at_images, run)
    return run
