"""Serves the approvers' part of the page: the model packages that wait, and what is decided about them.

In:  an event of API Gateway's proxy integration, its caller a person of the user pool.
Out: GET /packages -> {"packages": [...]}, POST /packages/decision -> {"accepted": true}.
"""

import functools
import json
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.proxied import Refused, body_of
from lambdas.labeling.callers import APPROVERS, Caller, caller_of, require
from lambdas.labeling.model_packages import STATUS_OF, ModelPackages, checked_note
from lambdas.labeling.proxied import answer
from lambdas.labeling.signed_links import signing_client


@dataclass(frozen=True)
class Environment:
    """The group of each model's packages, as JSON, and where their pages and evaluations are."""

    package_groups: str
    artifacts_bucket: str


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer one request of an approver."""
    return answer(lambda: _carry_out(event))


def _carry_out(event: dict[str, Any]) -> dict[str, Any]:
    caller = caller_of(event)
    require(caller, APPROVERS)
    return route(event, _packages(), caller)


def route(event: dict[str, Any], packages: ModelPackages, caller: Caller) -> dict[str, Any]:
    """Carry out the request of somebody who may; Refused where it cannot be."""
    match event["httpMethod"], event["resource"]:
        case "GET", "/packages":
            return {"packages": packages.listed()}
        case "POST", "/packages/decision":
            body = body_of(event, "arn", "decision", "note")
            if body.get("decision") not in list(STATUS_OF):
                raise Refused(400, 'decision: either "approve" or "reject"')
            if not isinstance(body.get("arn"), str):
                raise Refused(400, "arn: that of a model package")
            packages.decide(body["arn"], body["decision"], checked_note(body.get("note")), caller)
            return {"accepted": True}
        case method, resource:
            raise Refused(404, f"there is nothing at {method} {resource}")


@functools.cache
def _packages() -> ModelPackages:
    env = environment.read(Environment)
    groups, sagemaker = json.loads(env.package_groups), boto3.client("sagemaker")
    return ModelPackages(groups, env.artifacts_bucket, sagemaker, signing_client())
