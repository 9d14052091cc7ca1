"""What lets the environments' accounts use the models: on the registry, the artifacts bucket and its key."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from config import Edgeline
from stacks.accounts import ToolsAccount, WorkloadAccount, elsewhere
from stacks.constructs.trusted_role import roles_of


def share_models(
    config: Edgeline,
    *,
    artifacts: s3.Bucket,
    key: kms.Key,
    groups: Mapping[str, sagemaker.CfnModelPackageGroup],
) -> None:
    """Let the roles of environments in other accounts read models; `groups` are those of the models' names.

    The promoters make SageMaker models out of packages, the containers' roles read what the packages name.
    Where all is in one account, the roles' own policies are enough and nothing is added here; nor where
    nothing is promoted, and the roles are never made.
    """
    others = elsewhere(config) if "promotion" in config.parts else []
    if not others:
        return
    containers = _roles(others, [workload.role_arn(workload.model_role_name) for workload in others])
    artifacts.add_to_resource_policy(
        iam.PolicyStatement(
            sid="ModelsOfOtherAccounts",
            principals=[containers],
            actions=["s3:GetObject"],
            resources=[artifacts.arn_for_objects("runs/*/model.tar.gz")],
        )
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="ModelsOfOtherAccounts", principals=[containers], actions=["kms:Decrypt"], resources=["*"]
        )
    )
    promoters = _roles(others, [workload.role_arn(workload.promoter_role_name) for workload in others])
    for model in config.models:
        packages = ToolsAccount(config).model_packages(model)
        groups[model.name].model_package_group_policy = _registry_policy(promoters, packages)


def _roles(workloads: list[WorkloadAccount], role_arns: list[str]) -> iam.IPrincipal:
    return roles_of([workload.account for workload in workloads], role_arns=role_arns)


def _registry_policy(promoters: iam.IPrincipal, packages: str) -> Any:
    statement = iam.PolicyStatement(
        sid="ModelsOfOtherAccounts",
        principals=[promoters],
        actions=["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"],
        resources=[packages],
    )
    return iam.PolicyDocument(statements=[statement])
