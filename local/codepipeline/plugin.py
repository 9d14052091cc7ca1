"""Everything of CodePipeline that one local cloud serves, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.parts import Parts
from local.cloud.plugin import Plugin
from local.cloud.service import LocalService
from local.codepipeline.actions.approval import Approvals
from local.codepipeline.actions.build import CodeBuildAction
from local.codepipeline.actions.function import LambdaJobs
from local.codepipeline.actions.git_source import CodeCommitSource, ConnectionSource
from local.codepipeline.actions.s3_source import S3Source
from local.codepipeline.actions.stack import CloudFormationAction
from local.codepipeline.actions.state_machine import StepFunctionsAction
from local.codepipeline.book import Book
from local.codepipeline.engine import SERVICE, Engine
from local.codepipeline.executions import Executions
from local.codepipeline.neighbours import Neighbours
from local.codepipeline.pipelines import Pipelines
from local.codepipeline.records import Location
from local.codepipeline.resource_type import CustomActionType, PipelineType
from local.codepipeline.triggers import Triggers
from local.codepipeline.work import Kind, Work

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_CLOUDFORMATION = "cloudformation.amazonaws.com"
_WITHOUT_RESOURCE = ("ListPipelines", "PutJobSuccessResult", "PutJobFailureResult", "GetJobDetails")


@dataclass(frozen=True, kw_only=True)
class CodePipelinePlugin(Plugin):
    """What the local cloud serves, and what hears of pushes."""

    triggers: Triggers


class Api(Parts):
    """CodePipeline's operations, each on the resources that IAM checks."""

    def resource_arns(self, call: Call, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Give the resources that IAM checks a call against, after the service authorization reference."""
        if operation in _WITHOUT_RESOURCE:
            return ["*"]
        if "resourceArn" in parameters:
            return [parameters["resourceArn"]]
        name = parameters.get("pipelineName") or parameters.get("name") or parameters["pipeline"]["name"]
        place = [name, *(parameters[key] for key in ("stageName", "actionName") if key in parameters)]
        return [call.arn("codepipeline", "/".join(place))]

    def pass_roles(self, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Give the roles that a call hands to CodePipeline."""
        return [parameters["pipeline"]["roleArn"]] if "pipeline" in parameters else []


def make_plugin(cloud: LocalCloud) -> CodePipelinePlugin:
    """Put the parts together for one cloud; pushes are heard from plugins that come before this one."""
    book, neighbours = Book(cloud.account), Neighbours(cloud)
    approvals, jobs = Approvals(book), LambdaJobs(lambda work: _artifact_keys(cloud, work))
    builds = CodeBuildAction(neighbours)
    kinds: dict[tuple[str, str], Kind] = {
        ("Source", "S3"): S3Source(),
        ("Source", "CodeCommit"): CodeCommitSource(neighbours),
        ("Source", "CodeStarSourceConnection"): ConnectionSource(neighbours),
        ("Build", "CodeBuild"): builds,
        ("Test", "CodeBuild"): builds,
        ("Deploy", "CloudFormation"): CloudFormationAction(
            lambda bucket, key, content: _uploaded(cloud, bucket, key, content),
            lambda work, role: _check_stack_role(cloud, work, role),
        ),
        ("Approval", "Manual"): approvals,
        ("Invoke", "StepFunctions"): StepFunctionsAction(),
        ("Invoke", "Lambda"): jobs,
    }
    engine = Engine(cloud, kinds)
    triggers = Triggers(book, engine)
    if neighbours.listening is not None:
        neighbours.listening.listeners.append(triggers.heard)

    def close() -> None:
        for pipeline in book.all():
            engine.end(pipeline)

    api = Api(Pipelines(book, engine), Executions(book, engine), approvals, jobs)
    return CodePipelinePlugin(
        services={"codepipeline": [LocalService("codepipeline", api)]},
        resource_types={
            "AWS::CodePipeline::Pipeline": PipelineType(cloud),
            "AWS::CodePipeline::CustomActionType": CustomActionType(),
        },
        close=close,
        triggers=triggers,
    )


def _uploaded(cloud: LocalCloud, bucket: str, key: str, content: str) -> str:
    """Put a template where CloudFormation reads it from, as CodePipeline itself: no role has to allow it."""
    own = cloud.service_session(SERVICE, ["s3:PutObject", "kms:GenerateDataKey"])
    own.client("s3").put_object(Bucket=bucket, Key=key, Body=content.encode())
    return f"{cloud.url}/{bucket}/{key}"


def _check_stack_role(cloud: LocalCloud, work: Work, role: str) -> None:
    """Let CloudFormation have the role only if the action's role may pass it and it trusts CloudFormation."""
    passed_to = {"iam:PassedToService": _CLOUDFORMATION}
    cloud.require(work.call, "iam:PassRole", role, passed_to)
    cloud.service_credentials(role, _CLOUDFORMATION, "stack")


def _artifact_keys(cloud: LocalCloud, work: Work) -> dict[str, str]:
    """Make keys of the pipeline's role that are good for the action's artifacts and nothing else."""
    statements = [
        *(_allowed("s3:GetObject", where) for where in work.inputs.values()),
        *(_allowed("s3:PutObject", where) for where in work.outputs.values()),
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": "*"},
    ]
    keys = cloud.service_credentials(
        work.pipeline_role, SERVICE, work.id, policy={"Version": "2012-10-17", "Statement": statements}
    )
    return {
        "accessKeyId": keys.access_key,
        "secretAccessKey": keys.secret_key,
        "sessionToken": keys.session_token,
    }


def _allowed(action: str, where: Location) -> dict[str, str]:
    return {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{where.bucket}/{where.key}"}
