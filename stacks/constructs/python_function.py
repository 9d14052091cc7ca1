"""A Lambda function: a handler by its import path, with a role and a log group of its own."""

import json
import re
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.packed_files import ROOT, packed_with
from stacks.grants import acknowledge_wildcard

# Read by the AWS SDK: what is throttled is asked for again as long as the function has time. By itself the
# SDK gives up after a second or two, with an error that no state machine knows as one that passes.
SDK_ENVIRONMENT = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "8"}

_LONGEST_ENVIRONMENT = 4096  # bytes; Lambda refuses more, only when it is deployed
# What a part's functions need of another room; of the standard library alone, as they are.
_BESIDES = {"recognition": ("inference/__init__.py", "inference/routing.py")}
_DOCUMENTS = "documents of lambdas/"  # and the part: the context that says what is packed with it
_REFERENCE = re.compile(r"\$\{Token\[[^]]*\]\}")


class PythonFunction(lambda_.Function):
    """One function out of the asset of its part of the line; docs/adr/0001 says why.

    `handler` is the import path that tests use too, as `lambdas.labeling.find_unlabeled_images.handler`.
    `environment` holds exactly the variables of the handler's `Environment` dataclass; what the SDK reads
    comes on top.
    `own_role` may write to its own log group and send traces, and nothing else until something is granted;
    it gets a `role_name` where another account must know it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        environment: Mapping[str, str],
        timeout_seconds: int = 30,
        memory_mb: int = 256,
        description: str | None = None,
        role_name: str | None = None,
    ) -> None:
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            retention=logs.RetentionDays.SIX_MONTHS,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            scope,
            f"{construct_id}Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            role_name=role_name,
        )
        log_group.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            # The newest; the handlers keep to the standard library and boto3, and to Python 3.11's grammar.
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            code=_code(scope, handler),
            handler=handler,
            environment=_within_limit(handler, {**SDK_ENVIRONMENT, **environment}),
            timeout=cdk.Duration.seconds(timeout_seconds),
            memory_size=memory_mb,
            description=description,
            role=role,
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
        )
        self.own_role = role
        acknowledge_wildcard(role, "xray:PutTraceSegments", "xray:PutTelemetryRecords")


def _within_limit(handler: str, environment: Mapping[str, str]) -> dict[str, str]:
    """ValueError where Lambda has no room for it; what is a reference yet counts as an account's number."""
    text = "".join(_REFERENCE.sub("0" * 12, f"{name}{value}") for name, value in environment.items())
    if len(text.encode()) > _LONGEST_ENVIRONMENT:
        raise ValueError(
            f"{handler}: its environment has {len(text.encode())} bytes, Lambda takes {_LONGEST_ENVIRONMENT}:"
            " configure fewer models or classes"
        )
    return dict(environment)


def pack_with_functions(scope: Construct, part: str, documents: Mapping[str, Any]) -> None:
    """Pack documents, by their file names, with all functions of a part that come to be under this scope.

    It is said before there is anything under it. What a function's environment has no room for gets to it
    this way.
    """
    scope.node.set_context(_DOCUMENTS + part, json.dumps(documents, ensure_ascii=False))


def _code(scope: Construct, handler: str) -> lambda_.Code:
    """The part of `lambdas/` that the handler's path names, and what all parts share."""
    part = handler.split(".")[1]
    packed = ("lambdas/__init__.py", "lambdas/common", f"lambdas/{part}", *_BESIDES.get(part, ()))
    told = json.loads(scope.node.try_get_context(_DOCUMENTS + part) or "{}")
    documents = {f"lambdas/{part}/{name}": document for name, document in told.items()}
    return lambda_.Code.from_asset(str(ROOT), **packed_with(packed, documents))
