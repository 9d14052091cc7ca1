"""What a device may do: its thing group, its IoT policy, the role that it exchanges its certificate for."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.grants import allow

# Resolved by the credentials provider from the device's certificate: a device writes under its own name only.
_THING = "${credentials-iot:ThingName}"
_CONNECTED_THING = "${iot:Connection.Thing.ThingName}"
_HOURS = 1


class TokenExchange(Construct):
    """The role that devices exchange their certificate for, and its alias."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("credentials.iot.amazonaws.com"),
            max_session_duration=cdk.Duration.hours(_HOURS),
        )
        self._read(artifacts)
        own = [
            artifacts.arn_for_objects(f"edge/{_THING}/*"),
            images.arn_for_objects(f"images/{config.fleet.model}/returned/{_THING}/*"),
        ]
        allow(self.role, "s3:PutObject", on=own, because="a device writes under its own name")
        allow(self.role, "kms:GenerateDataKey", "kms:Decrypt", on=[key.key_arn])
        self.alias = iot.CfnRoleAlias(
            self,
            "Alias",
            role_alias=f"{config.name}-device",
            role_arn=self.role.role_arn,
            credential_duration_seconds=_HOURS * 3600,
        )

    def _read(self, artifacts: s3.IBucket) -> None:
        components = artifacts.arn_for_objects("components/*")
        allow(self.role, "s3:GetObject", on=[components], because="components get their versions later")
        # Greengrass asks where a bucket is before it fetches from it.
        allow(self.role, "s3:GetBucketLocation", on=[artifacts.bucket_arn])


class DeviceGroup(Construct):
    """A thing group with the IoT policy for the certificates of its devices.

    The policy names the connected thing. Attach certificates to things exclusively
    (`attach-thing-principal --thing-principal-type EXCLUSIVE_THING`): the nucleus opens further connections
    under other client IDs, and only then AWS IoT knows their thing.
    """

    def __init__(self, scope: Construct, construct_id: str, *, name: str, alias: iot.CfnRoleAlias) -> None:
        super().__init__(scope, construct_id)
        self.group = iot.CfnThingGroup(self, "Things", thing_group_name=name)
        document = iam.PolicyDocument(
            statements=[
                *self._statements(),
                iam.PolicyStatement(
                    actions=["iot:AssumeRoleWithCertificate"], resources=[alias.attr_role_alias_arn]
                ),
            ]
        )
        self.policy = iot.CfnPolicy(self, "Policy", policy_document=document)

    @property
    def arn(self) -> str:
        """The thing group's ARN."""
        return self.group.attr_arn

    @property
    def policy_name(self) -> str:
        """The IoT policy's name, made by CloudFormation."""
        return self.policy.ref

    def _statements(self) -> list[iam.PolicyStatement]:
        own = [f"$aws/things/{_CONNECTED_THING}/{topic}" for topic in _CORE_TOPICS]
        listened = [f"$aws/things/{_CONNECTED_THING}/{topic}" for topic in ("jobs/*", "shadow/*")]
        clients = [self._arn("client", _CONNECTED_THING), self._arn("client", f"{_CONNECTED_THING}#*")]
        ours = f"edgeline/{_CONNECTED_THING}/*"
        return [
            iam.PolicyStatement(
                actions=["iot:Connect"],
                resources=clients,
                conditions={"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
            ),
            iam.PolicyStatement(
                actions=["iot:Publish"], resources=[self._arn("topic", topic) for topic in [*own, ours]]
            ),
            iam.PolicyStatement(
                actions=["iot:Receive"], resources=[self._arn("topic", topic) for topic in own]
            ),
            iam.PolicyStatement(
                actions=["iot:Subscribe"], resources=[self._arn("topicfilter", topic) for topic in listened]
            ),
            # What a core device asks of Greengrass itself; in IoT policies these actions know no resource.
            iam.PolicyStatement(actions=list(_CORE_ACTIONS), resources=["*"]),
        ]

    def _arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="iot", resource=resource, resource_name=name)


_CORE_TOPICS = ("greengrass/health/json", "greengrassv2/health/json", "jobs/*", "shadow/*")
_CORE_ACTIONS = (
    "greengrass:GetComponentVersionArtifact",
    "greengrass:GetDeploymentConfiguration",
    "greengrass:ListThingGroupsForCoreDevice",
    "greengrass:ResolveComponentCandidates",
)
