"""What a stack's deletion has to remove beside its own resources: objects, endpoints, pipelines, packages."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, allow_everywhere

_FUNCTION_MINUTES = 15
# CloudFormation waits a little longer than the function works, and not for its own hour.
_ANSWER_MINUTES = 20
_JOB_LOG_DAYS = 180
_ALL_IN_IT = "everything in it goes with its stack"
_RUN_TIME = "it was named at run time"


class Teardown(Construct):
    """One removal of a stack: a custom resource with a policy of its own, and the stack's one function.

    Whatever the resource names is removed when the stack is deleted, before the resources that it depends on
    are. Taking the resource out of the template removes nothing. docs/adr/0016 says why.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, kind: str, properties: Mapping[str, Any]
    ) -> None:
        super().__init__(scope, construct_id)
        function = _function(cdk.Stack.of(self))
        self.role = function.own_role
        # Not the role's own policy: a bucket may wait for the removal of another one.
        self.policy = iam.Policy(self, "Policy", roles=[self.role])
        allow(self.policy, "cloudformation:DescribeStacks", on=[cdk.Aws.STACK_ID])
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            service_token=function.function_arn,
            service_timeout=cdk.Duration.minutes(_ANSWER_MINUTES),
            resource_type=f"Custom::{kind}OnDelete",
            properties={"Kind": kind, **properties},
        )
        self.resource.node.add_dependency(self.policy)

    @classmethod
    def of_objects(cls, bucket: s3.Bucket) -> Self:
        """Empty a bucket, so that CloudFormation can delete it; S3 deletes none that holds anything."""
        made = cls(bucket, "Teardown", kind="Objects", properties={"Bucket": bucket.bucket_name})
        listing = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
        allow(made.policy, *listing, on=[bucket.bucket_arn])
        deleting = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload")
        allow(made.policy, *deleting, on=[bucket.arn_for_objects("*")], because=_ALL_IN_IT)
        return made

    @classmethod
    def of_pipelines(cls, scope: Construct, *, names: Sequence[str], tuned: Sequence[str] = ()) -> Self:
        """Remove SageMaker pipelines and their jobs' logs; until then, let the jobs' log groups expire.

        `tuned` is how the names of tuning jobs say of which step they are.
        """
        wanted = {"Pipelines": list(names), "JobLogDays": _JOB_LOG_DAYS}
        made = cls(scope, "RemovedPipelines", kind="Pipelines", properties=wanted)
        pipelines = [_arn(scope, "sagemaker", "pipeline", name) for name in names]
        executions = [f"{arn}/execution/*" for arn in pipelines]
        allow(made.policy, "sagemaker:ListPipelineExecutions", "sagemaker:DeletePipeline", on=pipelines)
        of_executions = ("sagemaker:ListPipelineExecutionSteps", "sagemaker:StopPipelineExecution")
        allow(made.policy, *of_executions, on=executions, because=_RUN_TIME)
        groups = [_log_group(scope, f"/aws/sagemaker/{kind}") for kind in ("ProcessingJobs", "TrainingJobs")]
        keeping = ("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DescribeLogStreams")
        because = "CloudWatch Logs writes the ARN of a log group with :* at its end"
        allow(made.policy, *keeping, on=[f"{group}:*" for group in groups], because=because)
        named = ["pipelines-*", *(f"*-{step}-*" for step in tuned)]
        streams = [f"{group}:log-stream:{name}" for group in groups for name in named]
        allow(made.policy, "logs:DeleteLogStream", on=streams, because="jobs of pipelines, by their names")
        return made

    @classmethod
    def of_registry(
        cls, scope: Construct, *, groups: Sequence[str], feature_group: str, tables: Sequence[str]
    ) -> Self:
        """Remove the packages of these groups, and a feature group's Glue table; `tables`: its ARNs."""
        wanted = {"Groups": list(groups), "FeatureGroup": feature_group}
        made = cls(scope, "RemovedPackages", kind="Registry", properties=wanted)
        packages = [_arn(scope, "sagemaker", "model-package", f"{group}/*") for group in groups]
        allow(made.policy, "sagemaker:DeleteModelPackage", on=packages, because="the versions of a group")
        allow_everywhere(made.policy, "sagemaker:ListModelPackages")
        feature_groups = [_arn(scope, "sagemaker", "feature-group", feature_group)]
        allow(made.policy, "sagemaker:DescribeFeatureGroup", on=feature_groups)
        because = "Feature Store ends the table's name with the time at which it made it"
        allow(made.policy, "glue:DeleteTable", on=tables, because=because)
        return made

    @classmethod
    def of_fleet(
        cls,
        scope: Construct,
        *,
        thing_groups: Sequence[str],
        component_prefix: str,
        policies: Sequence[str],
    ) -> Self:
        """Cancel deployments to thing groups (ARNs), remove components, take IoT policies from devices."""
        wanted = {
            "ThingGroups": list(thing_groups),
            "ComponentPrefix": component_prefix,
            "Policies": list(policies),
        }
        made = cls(scope, "RemovedComponents", kind="Fleet", properties=wanted)
        colon = cdk.ArnFormat.COLON_RESOURCE_NAME
        components = _arn(scope, "greengrass", "components", f"{component_prefix}*", colon)
        versions = ("greengrass:ListComponentVersions", "greengrass:DeleteComponent")
        allow(made.policy, *versions, on=[components], because=_RUN_TIME)
        allow_everywhere(made.policy, "greengrass:ListComponents", "greengrass:ListDeployments")
        deployments = _arn(scope, "greengrass", "deployments", "*", colon)
        allow(made.policy, "greengrass:CancelDeployment", on=[deployments], because=_RUN_TIME)
        # What AWS documents as dependent on CancelDeployment.
        jobs = [_arn(scope, "iot", "job", "*")]
        on_jobs = ("iot:CancelJob", "iot:DescribeJob", "iot:UpdateJob")
        allow(made.policy, *on_jobs, on=[*jobs, *thing_groups], because=_RUN_TIME)
        things = [_arn(scope, "iot", "thing", "*")]
        on_things = (
            "iot:DescribeThing",
            "iot:DeleteThingShadow",
            "iot:GetThingShadow",
            "iot:UpdateThingShadow",
        )
        allow(made.policy, *on_things, on=things, because="devices join later")
        allow(made.policy, "iot:DescribeThingGroup", on=thing_groups)
        iot_policies = [_arn(scope, "iot", "policy", policy) for policy in policies]
        on_policies = ("ListTargetsForPolicy", "ListPolicyVersions", "DeletePolicyVersion", "DeletePolicy")
        allow(made.policy, *(f"iot:{action}" for action in on_policies), on=iot_policies)
        certificates = [_arn(scope, "iot", "cert", "*")]
        allow(made.policy, "iot:DetachPolicy", on=certificates, because="a certificate's name is its content")
        return made


def _function(stack: cdk.Stack) -> PythonFunction:
    """The one function of a stack that all its removals share."""
    found = stack.node.try_find_child("RemoveLeftovers")
    if isinstance(found, PythonFunction):
        return found
    return PythonFunction(
        stack,
        "RemoveLeftovers",
        handler="lambdas.teardown.remove_leftovers.handler",
        environment={},
        timeout_seconds=_FUNCTION_MINUTES * 60,
        description="Removes, when the stack is deleted, what its template does not name",
    )


def _arn(
    scope: Construct,
    service: str,
    resource: str,
    name: str,
    form: cdk.ArnFormat = cdk.ArnFormat.SLASH_RESOURCE_NAME,
) -> str:
    stack = cdk.Stack.of(scope)
    return stack.format_arn(service=service, resource=resource, resource_name=name, arn_format=form)


def _log_group(scope: Construct, name: str) -> str:
    return _arn(scope, "logs", "log-group", name, cdk.ArnFormat.COLON_RESOURCE_NAME)
