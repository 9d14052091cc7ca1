"""GreengrassV2 beside the local AWS: `plug(cloud)` is what LocalCloud calls."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from local.cloud.call import Call, Credentials
from local.cloud.plugin import Plugin
from local.cloud.service import LocalService
from local.greengrass.fleet import CoreDevice, Execution, Fleet
from local.greengrass.gateway import Gateway, Operations
from local.greengrass.identity import Registry
from local.greengrass.resource_types import ComponentVersionType, DeploymentType
from local.greengrass.service import GreengrassV2

# What the services do themselves, once the caller's or the device's own rights have been checked.
_IN_ITS_OWN_NAME = {
    "iot": ("iot.amazonaws.com", ("iot:Describe*", "iot:Get*", "iot:List*")),
    "iot-data": ("iot.amazonaws.com", ("iot:Publish",)),
    "s3": ("greengrass.amazonaws.com", ("s3:GetObject", "kms:Decrypt")),
}


class Cloud(Protocol):
    """What this needs of LocalCloud."""

    account: str
    region: str
    state_dir: Path

    def service_session(self, service: str, actions: Sequence[str]) -> Any:
        """Return a boto3 session of an AWS service in its own name, for these actions only."""

    def service_credentials(
        self,
        role_arn: str,
        service: str,
        session_name: str,
        *,
        lifetime_seconds: int = 3600,
        context: Mapping[str, Any] | None = None,
    ) -> Credentials:
        """Assume a role as a service; AwsError if the role does not trust it."""

    def emit(self, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
        """Put an event of AWS itself."""

    def require(self, call: Call, action: str, resource: str) -> None:
        """Raise AwsError AccessDenied unless the caller may do `action`."""


class _Backing:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            principal, actions = _IN_ITS_OWN_NAME[service]
            self._clients[service] = self._cloud.service_session(principal, actions).client(service)
        return self._clients[service]

    def require(self, call: Call, action: str, resource: str) -> None:
        self._cloud.require(call, action, resource)


def plug(cloud: Cloud) -> Plugin:
    """Serve GreengrassV2 and the gateway for devices."""
    backing = _Backing(cloud)
    fleet = Fleet(lambda device, execution: _announce(cloud, device, execution))
    service = GreengrassV2(fleet, backing)
    gateway = Gateway(Registry(backing), Operations(fleet, backing, cloud.service_credentials))
    directory = cloud.state_dir / "greengrass"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "gateway").write_text(gateway.url)
    return Plugin(
        services={"greengrass": [LocalService("greengrassv2", service)]},
        resource_types={
            "AWS::GreengrassV2::ComponentVersion": ComponentVersionType(service),
            "AWS::GreengrassV2::Deployment": DeploymentType(service),
        },
        close=gateway.close,
    )


def gateway_url(state_dir: Path) -> str:
    """Return where the local cloud of this state directory serves devices."""
    return (state_dir / "greengrass" / "gateway").read_text().strip()


def _announce(cloud: Cloud, device: CoreDevice, execution: Execution) -> None:
    if execution.status == "TIMED_OUT":  # AWS sends no event for it
        return
    detail = {
        "deployment-id": execution.deployment_id,
        "coreDeviceExecutionStatus": execution.status,
        "reason": execution.reason,
        "statusDetails": {"errorStack": execution.error_stack, "errorTypes": execution.error_types},
    }
    arn = f"arn:aws:greengrass:{cloud.region}:{cloud.account}:coreDevices:{device.thing}"
    cloud.emit("aws.greengrass", "Greengrass V2 Effective Deployment Status Change", detail, [arn])
