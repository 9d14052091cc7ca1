"""What a person may read who checks where a running model came from: the rights of `python -m local verify`.

Each part's stack has its own policy, with the output `AuditorPolicyArn`; together they suffice. At the
endpoints the auditor has a role, as the promotion does: `ServingStack`.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount, environments
from stacks.grants import allow, read_objects

# Everything that a model came from, and the evidence of its releases.
_CHAIN = ("runs/", "releases/", "code/", "labels/", "components/")


class AuditorPolicy(iam.ManagedPolicy):
    """Reads one part of the chain, and changes nothing; rebuilding a model is the one thing it starts."""

    def __init__(self, scope: Construct, reads: str) -> None:
        super().__init__(scope, "AuditorPolicy", description=f"Checks where models came from: {reads}")
        cdk.CfnOutput(cdk.Stack.of(self), "AuditorPolicyArn", value=self.managed_policy_arn)

    @classmethod
    def of_data(
        cls, scope: Construct, *, images: s3.IBucket, artifacts: s3.IBucket, key: kms.IKey, versions: bool
    ) -> AuditorPolicy:
        """Read pictures, labels, data sets, models and evidence; of pictures also earlier `versions`."""
        policy = cls(scope, "pictures and artifacts")
        read_objects(policy, images, key, "images/")
        read_objects(policy, artifacts, key, *_CHAIN)
        if versions:
            pictures = images.arn_for_objects("images/*")
            allow(policy, "s3:GetObjectVersion", on=[pictures], because="images are named by their uploaders")
        return policy

    @classmethod
    def of_training(cls, scope: Construct, *, pipelines: Sequence[str]) -> AuditorPolicy:
        """Train a data set anew, by pipelines of these names, and follow it."""
        policy = cls(scope, "rebuilds models")
        stack = cdk.Stack.of(policy)
        arns = [
            stack.format_arn(service="sagemaker", resource="pipeline", resource_name=n) for n in pipelines
        ]
        allow(policy, "sagemaker:DescribePipeline", "sagemaker:StartPipelineExecution", on=arns)
        executions = [f"{arn}/execution/*" for arn in arns]
        follow = ("sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps")
        allow(policy, *follow, on=executions, because="an execution is named when it starts")
        return policy

    @classmethod
    def of_promotion(cls, scope: Construct, *, config: Edgeline, ledger: str) -> AuditorPolicy:
        """Read the registry's packages and the ledger, a table with this ARN; look at the endpoints."""
        policy = cls(scope, "releases and model packages")
        allow(policy, "dynamodb:Query", on=[ledger])
        tools = ToolsAccount(config)
        packages = [tools.model_packages(model) for model in config.models]
        allow(policy, "sagemaker:DescribeModelPackage", on=packages, because="a package is a version number")
        auditors = [there.role_arn(there.auditor_role_name) for there in environments(config)]
        allow(policy, "sts:AssumeRole", on=auditors)
        # The ledger is found by the stack's output.
        stack = cdk.Stack.of(policy)
        own = stack.format_arn(
            service="cloudformation", resource="stack", resource_name=f"{stack.stack_name}/*"
        )
        allow(policy, "cloudformation:DescribeStacks", on=[own], because="a stack's ARN ends with an id")
        return policy

    @classmethod
    def of_fleet(cls, scope: Construct, *, component_prefix: str) -> AuditorPolicy:
        """See what the fleet's devices have installed."""
        policy = cls(scope, "devices")
        devices = [_greengrass(policy, "coreDevices", "*")]
        read = ("greengrass:GetCoreDevice", "greengrass:ListInstalledComponents")
        allow(policy, *read, on=devices, because="devices join the fleet later")
        components = [_greengrass(policy, "components", f"{component_prefix}*")]
        read = ("greengrass:DescribeComponent", "greengrass:GetComponent")
        allow(policy, *read, on=components, because="components get their versions later")
        return policy


def _greengrass(scope: Construct, resource: str, name: str) -> str:
    return cdk.Stack.of(scope).format_arn(
        service="greengrass",
        resource=resource,
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
