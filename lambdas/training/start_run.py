"""Starts the training of a model for who may call the runs API.

In:  API Gateway's proxy event of POST /models/{name}/runs, signed; header Idempotency-Key; the body names
     what the training is to take: `seed`, `as_of`, `dataset_manifest`, a detector's also `labels_manifest`,
     a parent's also `children`
Out: 202 {"run", "model", "status_url"}. The same key again: the same run. 400: what is wrong with the
     request; 404: no such model; 409: the key came with another body, or too many runs wait; 503: AWS is
     busy. What passes comes with Retry-After.

A run is an execution of the CodePipeline {name}-model-<model>, as is every other start of a training.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.proxied import Refused, read_body, refuse, respond
from lambdas.training.asked import Place, variables
from lambdas.training.kept_keys import KeptKeys
from lambdas.training.passing import told_when_to_come_again
from lambdas.training.workflows import BRIEF, Workflow, workflow_of

_KEY = re.compile(r"[A-Za-z0-9._:-]{8,128}")


@dataclass(frozen=True)
class Environment:
    """The models, the starts table and the bucket that labels are kept in."""

    models: str
    table: str
    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one run, or find the one that the key has started."""
    env = environment.read(Environment)
    codepipeline = boto3.client("codepipeline", config=BRIEF)
    table = boto3.resource("dynamodb", config=BRIEF).Table(env.table)
    try:
        workflow = workflow_of(env.models, event["pathParameters"]["name"])
        place = Place(workflow.model, env.artifacts_bucket)
        asked = variables(read_body(event), workflow, place, datetime.now(UTC))
        with told_when_to_come_again():
            run = start(codepipeline, KeptKeys(table, workflow.model), workflow, _key(event), asked, event)
    except Refused as refusal:
        return refuse(refusal)
    url = status_url(event["requestContext"], run)
    print(json.dumps({"run": run, "model": workflow.model, "asked": asked, "by": _caller(event)}))
    return respond(202, {"run": run, "model": workflow.model, "status_url": url}, {"Location": url})


def start(
    codepipeline: Any,
    keys: KeptKeys,
    workflow: Workflow,
    key: str,
    asked: Mapping[str, str],
    event: Mapping[str, Any],
) -> str:
    """Give the run of the key, started now if there is none.

    Who asks again before the run is entered starts with the same token, which is the same run.
    """
    known = keys.keep(key, asked)
    if known is not None:
        return known
    given = {**asked, "STARTED_BY": _caller(event)}
    started = codepipeline.start_pipeline_execution(
        name=workflow.name,
        variables=[{"name": name, "value": value} for name, value in given.items()],
        clientRequestToken=keys.token(key),
    )
    run: str = started["pipelineExecutionId"]
    keys.started(key, run)
    return run


def status_url(context: Mapping[str, Any], run: str) -> str:
    """Where the run's status is: below the path that was posted to."""
    return f"https://{context['domainName']}{context['path'].rstrip('/')}/{run}"


def _key(event: Mapping[str, Any]) -> str:
    """The request's key; API Gateway turns away requests without the header."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    key = str(headers.get("idempotency-key", ""))
    if not _KEY.fullmatch(key):
        raise Refused(400, "Idempotency-Key: 8 to 128 letters, digits and . _ : - that are new for each run")
    return key


def _caller(event: Mapping[str, Any]) -> str:
    """The ARN of who signed the request, as API Gateway has checked it."""
    return str(event["requestContext"]["identity"].get("userArn") or "none")
