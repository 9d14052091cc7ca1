"""SageMaker Studio for people who start trainings by hand: a domain, and a role that does no more."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker

from config import Edgeline, Studio
from stacks.grants import allow, allow_everywhere, read_objects
from stacks.training_stack import TrainingStack

_IDLE_MINUTES = 60
_OWN = "${sagemaker:UserProfileName}"
# What a terminal needs; "system" is what AWS calls the machine of an app that has none of its own.
_MACHINES = ("ml.t3.*", "system")
_OF_A_SPACE = "a space and its apps are named by the person who makes them"


class StudioStack(cdk.Stack):
    """A domain in the network of `[studio]`, without a way to the internet of its own; its role `role`.

    People come in as user profiles that an administrator makes. Each may have a space with a terminal, which
    ends when nobody has used it for an hour.
    """

    def __init__(
        self,
        scope: cdk.Stage,
        construct_id: str,
        *,
        config: Edgeline,
        studio: Studio,
        training: TrainingStack,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-studio")
        self.role = self._role(training, artifacts, key)
        domain = self._domain(config.name, studio, key)
        self._let_have_spaces(domain)
        cdk.CfnOutput(self, "DomainId", value=domain.attr_domain_id)
        cdk.CfnOutput(self, "StudioRoleArn", value=self.role.role_arn)

    def _role(self, training: TrainingStack, artifacts: s3.IBucket, key: kms.IKey) -> iam.Role:
        service = iam.ServicePrincipal("sagemaker.amazonaws.com")
        role = iam.Role(self, "Role", assumed_by=service, managed_policies=[training.runs_starter])
        # CloudTrail then tells whose profile it was: all people of the domain have this one role.
        tells = iam.PolicyStatement(actions=["sts:SetSourceIdentity"], principals=[service])
        if role.assume_role_policy is None:
            raise TypeError("a role that this stack makes has a trust policy")
        role.assume_role_policy.add_statements(tells)
        read_objects(role, artifacts, key, "runs/*/evaluation/")
        return role

    def _domain(self, name: str, studio: Studio, key: kms.IKey) -> sagemaker.CfnDomain:
        group = self._security_group(studio)
        domain = sagemaker.CfnDomain
        idle = domain.IdleSettingsProperty(
            lifecycle_management="ENABLED", idle_timeout_in_minutes=_IDLE_MINUTES
        )
        ends = domain.AppLifecycleManagementProperty(idle_settings=idle)
        settings = domain.UserSettingsProperty(
            execution_role=self.role.role_arn,
            security_groups=[group.attr_group_id],
            studio_web_portal="ENABLED",
            default_landing_uri="studio::",
            jupyter_lab_app_settings=domain.JupyterLabAppSettingsProperty(app_lifecycle_management=ends),
            code_editor_app_settings=domain.CodeEditorAppSettingsProperty(app_lifecycle_management=ends),
        )
        return domain(
            self,
            "Domain",
            domain_name=f"{name}-studio",
            auth_mode="IAM",
            app_network_access_type="VpcOnly",
            vpc_id=studio.vpc_id,
            subnet_ids=list(studio.subnet_ids),
            kms_key_id=key.key_arn,
            default_user_settings=settings,
            domain_settings=domain.DomainSettingsProperty(execution_role_identity_config="USER_PROFILE_NAME"),
        )

    def _security_group(self, studio: Studio) -> ec2.CfnSecurityGroup:
        """Lets apps reach AWS and one another; SageMaker adds a group of its own for the home folders."""
        group = ec2.CfnSecurityGroup(
            self,
            "Apps",
            group_description="Apps of Studio",
            vpc_id=studio.vpc_id,
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="tcp",
                    from_port=443,
                    to_port=443,
                    cidr_ip="0.0.0.0/0",
                    description="AWS, by the endpoints or the NAT gateway of the network",
                )
            ],
        )
        between = {"ip_protocol": "tcp", "from_port": 8192, "to_port": 65535, "description": "Between apps"}
        own = group.attr_group_id
        ec2.CfnSecurityGroupIngress(self, "In", group_id=own, source_security_group_id=own, **between)  # type: ignore[arg-type]
        ec2.CfnSecurityGroupEgress(self, "Out", group_id=own, destination_security_group_id=own, **between)  # type: ignore[arg-type]
        return group

    def _let_have_spaces(self, domain: sagemaker.CfnDomain) -> None:
        """What Studio needs to open a terminal, in a private space of one's own.

        It is a policy apart from the role, which the domain needs before there is a domain to name.
        """
        policy = iam.Policy(self, "OwnSpaces", roles=[self.role])

        def of(kind: str, name: str) -> str:
            path = f"{domain.attr_domain_id}{name}"
            return self.format_arn(service="sagemaker", resource=kind, resource_name=path)

        profile, spaces, apps = of("user-profile", f"/{_OWN}"), of("space", "/*"), of("app", "/*")
        own: Mapping[str, Any] = {
            "ArnLike": {"sagemaker:OwnerUserProfileArn": profile},
            "StringEquals": {"sagemaker:SpaceSharingType": ["Private"]},
        }
        kept = ("sagemaker:CreateSpace", "sagemaker:UpdateSpace", "sagemaker:DeleteSpace")
        allow(policy, *kept, on=[spaces], because=_OF_A_SPACE, conditions=own)
        small = {**own, "ForAllValues:StringLike": {"sagemaker:InstanceTypes": list(_MACHINES)}}
        allow(policy, "sagemaker:CreateApp", on=[apps], because=_OF_A_SPACE, conditions=small)
        allow(policy, "sagemaker:DeleteApp", on=[apps], because=_OF_A_SPACE, conditions=own)
        on_create = {"Null": {"sagemaker:TaggingAction": "false"}}
        allow(policy, "sagemaker:AddTags", on=[spaces, apps], because=_OF_A_SPACE, conditions=on_create)
        allow(policy, "sagemaker:DescribeDomain", on=[of("domain", "")])
        allow(policy, "sagemaker:DescribeUserProfile", "sagemaker:CreatePresignedDomainUrl", on=[profile])
        allow(
            policy, "sagemaker:DescribeSpace", "sagemaker:DescribeApp", on=[spaces, apps], because=_OF_A_SPACE
        )
        listed = ("ListApps", "ListDomains", "ListSpaces", "ListUserProfiles")
        allow_everywhere(policy, *(f"sagemaker:{name}" for name in listed))
