# ruff: noqa: N803 - parameters are named as the API names them
"""The GreengrassV2 API, as far as the line needs it; every other operation is refused by its name."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.greengrass.answers import Backing, Once, Parameters, page_of
from local.greengrass.component_versions import ComponentVersions, parsed_recipe
from local.greengrass.fleet import (
    DISCONNECTED_AFTER_SECONDS,
    CoreDevice,
    Deployment,
    Execution,
    Fleet,
    deployment_status,
    is_thing,
)
from local.greengrass.resolution import PROVIDED
from local.greengrass.versions import BadVersion, Version


class GreengrassV2:
    """The operations, named as boto3 names them."""

    def __init__(self, fleet: Fleet, backing: Backing) -> None:
        self._fleet = fleet
        self._backing = backing
        self._once = Once()
        self._components = ComponentVersions(fleet, backing, self._once)
        self._service_role: tuple[str, float] | None = None

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self.__dict__["_components"], operation)
        return found

    # ---- IAM

    def resource_arns(self, call: Call, operation: str, parameters: Parameters) -> list[str]:
        """Return the resources that IAM checks, by the service authorization reference."""
        if operation == "CreateComponentVersion":
            recipe = parsed_recipe(parameters)
            return [call.arn("greengrass", f"components:{recipe.name}")]
        if "coreDeviceThingName" in parameters:
            return [call.arn("greengrass", f"coreDevices:{parameters['coreDeviceThingName']}")]
        if "deploymentId" in parameters:
            return [call.arn("greengrass", f"deployments:{parameters['deploymentId']}")]
        for name in ("arn", "resourceArn"):
            if name in parameters:
                return [parameters[name]]
        return ["*"]

    def pass_roles(self, operation: str, parameters: Parameters) -> list[str]:
        """Return the role that becomes the account's service role."""
        return [parameters["roleArn"]] if operation == "AssociateServiceRoleToAccount" else []

    # ---- deployments

    def create_deployment(self, call: Call, **parameters: Any) -> Parameters:
        """Make a revision of the target's deployment the current one."""
        return self._once("CreateDeployment", parameters, lambda: self._create_deployment(call, parameters))

    def _create_deployment(self, call: Call, parameters: Parameters) -> Parameters:
        if "parentTargetArn" in parameters:
            raise AwsError("UnsupportedOperation", "CreateDeployment with parentTargetArn is not served", 501)
        target = parameters["targetArn"]
        self._check_deployer(call, target)
        self._check_target(target)
        self._check_components(parameters.get("components", {}))
        with self._fleet.lock:
            deployment = Deployment(
                id=str(uuid.uuid4()),
                target_arn=target,
                name=parameters.get("deploymentName", ""),
                revision=self._fleet.next_revision(target),
                created=time.time(),
                components=parameters.get("components", {}),
                policies=parameters.get("deploymentPolicies", {}),
                job_configuration=parameters.get("iotJobConfiguration", {}),
                tags=parameters.get("tags", {}),
            )
            self._fleet.add_deployment(deployment)
        return {"deploymentId": deployment.id, **_job(call, deployment)}

    def _check_deployer(self, call: Call, target: str) -> None:
        """Greengrass acts on IoT with its caller's rights: CreateDeployment's dependent actions."""
        job = call.arn("iot", "job/*")
        if is_thing(target):
            for action in ("DescribeThing", "GetThingShadow", "UpdateThingShadow"):
                self._backing.require(call, f"iot:{action}", target)
            return
        self._backing.require(call, "iot:DescribeThingGroup", target)
        self._backing.require(call, "iot:CreateJob", target)
        for action in ("CreateJob", "DescribeJob", "UpdateJob", "CancelJob"):
            self._backing.require(call, f"iot:{action}", job)

    def _check_target(self, target: str) -> None:
        name = target.rsplit("/", 1)[-1]
        iot = self._backing.client("iot")
        try:
            if is_thing(target):
                iot.describe_thing(thingName=name)
            else:
                iot.describe_thing_group(thingGroupName=name)
        except ClientError as error:
            raise AwsError("ResourceNotFoundException", f"The target {target} does not exist", 404) from error

    def _check_components(self, components: Mapping[str, Parameters]) -> None:
        recipes = self._fleet.recipes()
        for name, entry in components.items():
            text = entry.get("componentVersion")
            if not text:
                raise AwsError("ValidationException", f"components: {name}: componentVersion is missing")
            if "runWith" in entry:
                raise AwsError("UnsupportedOperation", f"components: {name}: runWith is not served", 501)
            try:
                version = Version.parse(text)
            except BadVersion as error:
                raise AwsError("ValidationException", f"components: {name}: {error}") from error
            if name not in PROVIDED and version not in recipes.get(name, {}):
                raise AwsError(
                    "ResourceNotFoundException",
                    f"The component {name} with version {text} does not exist",
                    404,
                )
            _check_configuration(name, entry.get("configurationUpdate", {}))

    def get_deployment(self, call: Call, deploymentId: str) -> Parameters:
        """Describe one deployment. That of a thing group never reports FAILED: ask its core devices."""
        deployment = self._deployment(deploymentId)
        return {
            **self._summary(deployment),
            **_job(call, deployment),
            "components": deployment.components,
            "deploymentPolicies": deployment.policies or None,
            "iotJobConfiguration": deployment.job_configuration or None,
            "tags": deployment.tags,
        }

    def cancel_deployment(self, call: Call, deploymentId: str) -> Parameters:
        """Keep a deployment from the devices that have not begun it."""
        deployment = self._deployment(deploymentId)
        self._backing.require(call, "iot:CancelJob", call.arn("iot", "job/*"))
        if deployment.canceled or deployment.superseded:
            status = deployment_status(deployment, [])
            raise AwsError("ConflictException", f"The deployment {deploymentId} is {status}", 409)
        self._fleet.cancel(deployment)
        return {"message": f"The deployment {deploymentId} is canceled"}

    def list_deployments(
        self,
        call: Call,
        targetArn: str | None = None,
        historyFilter: str = "LATEST_ONLY",
        **page: Any,
    ) -> Parameters:
        """List deployments, newest first; without ALL only the latest of each target."""
        if "parentTargetArn" in page:
            raise AwsError("UnsupportedOperation", "ListDeployments with parentTargetArn is not served", 501)
        with self._fleet.lock:
            found = [d for d in self._fleet.deployments.values() if targetArn in (None, d.target_arn)]
        if historyFilter == "LATEST_ONLY":
            found = [d for d in found if not d.superseded]
        found.sort(key=lambda deployment: deployment.created, reverse=True)
        return page_of([self._summary(d) for d in found], "deployments", page)

    def _deployment(self, deployment_id: str) -> Deployment:
        self._fleet.expire()
        deployment = self._fleet.deployments.get(deployment_id)
        if deployment is None:
            raise AwsError("ResourceNotFoundException", f"The deployment {deployment_id} does not exist", 404)
        return deployment

    def _summary(self, deployment: Deployment) -> Parameters:
        return {
            "targetArn": deployment.target_arn,
            "revisionId": str(deployment.revision),
            "deploymentId": deployment.id,
            "deploymentName": deployment.name or None,
            "creationTimestamp": deployment.created,
            "deploymentStatus": deployment_status(deployment, list(self._fleet.devices.values())),
            "isLatestForTarget": not deployment.superseded,
        }

    # ---- core devices

    def get_core_device(self, call: Call, coreDeviceThingName: str) -> Parameters:
        """Describe a device that has connected once."""
        device = self._device(coreDeviceThingName)
        return {
            "coreDeviceThingName": device.thing,
            "coreVersion": device.nucleus_version,
            "platform": device.platform,
            "architecture": device.architecture,
            "runtime": "aws_nucleus_classic",
            "status": _device_status(device),
            "lastStatusUpdateTimestamp": device.seen,
            "tags": {},
        }

    def list_core_devices(
        self,
        call: Call,
        thingGroupArn: str | None = None,
        status: str | None = None,
        **page: Any,
    ) -> Parameters:
        """List the devices that have connected once, of a thing group if one is given."""
        with self._fleet.lock:
            devices = [
                d for d in self._fleet.devices.values() if thingGroupArn is None or thingGroupArn in d.targets
            ]
        entries = [
            {
                "coreDeviceThingName": device.thing,
                "status": _device_status(device),
                "lastStatusUpdateTimestamp": device.seen,
                "platform": device.platform,
                "architecture": device.architecture,
                "runtime": "aws_nucleus_classic",
            }
            for device in devices
            if status in (None, _device_status(device))
        ]
        page.pop("runtime", None)
        return page_of(entries, "coreDevices", page)

    def list_effective_deployments(self, call: Call, coreDeviceThingName: str, **page: Any) -> Parameters:
        """List what was deployed to a device, newest first: the only place where a failure shows."""
        device = self._device(coreDeviceThingName)
        with self._fleet.lock:
            executions = sorted(device.executions.values(), key=lambda e: e.created, reverse=True)
            entries = [self._effective(call, execution) for execution in executions]
        return page_of(entries, "effectiveDeployments", page)

    def _effective(self, call: Call, execution: Execution) -> Parameters:
        deployment = self._fleet.deployments[execution.deployment_id]
        failed = {"errorStack": execution.error_stack, "errorTypes": execution.error_types}
        return {
            "deploymentId": deployment.id,
            "deploymentName": deployment.name or deployment.id,
            "targetArn": deployment.target_arn,
            "coreDeviceExecutionStatus": execution.status,
            "reason": execution.reason or None,
            "statusDetails": failed if execution.error_stack else None,
            "creationTimestamp": execution.created,
            "modifiedTimestamp": execution.modified,
            **_job(call, deployment),
        }

    def list_installed_components(self, call: Call, coreDeviceThingName: str, **page: Any) -> Parameters:
        """List what a device says that it has, roots only unless asked for all."""
        device = self._device(coreDeviceThingName)
        everything = page.pop("topologyFilter", "ROOT") == "ALL"
        entries = [entry for entry in device.installed if everything or entry["isRoot"]]
        return page_of(entries, "installedComponents", page)

    def _device(self, thing: str) -> CoreDevice:
        self._fleet.expire()
        device = self._fleet.devices.get(thing)
        if device is None:
            raise AwsError("ResourceNotFoundException", f"The core device {thing} does not exist", 404)
        return device

    # ---- account and tags

    def associate_service_role_to_account(self, call: Call, roleArn: str) -> Parameters:
        """Keep the account's service role."""
        self._service_role = (roleArn, time.time())
        return {"associatedAt": str(self._service_role[1])}

    def get_service_role_for_account(self, call: Call) -> Parameters:
        """Return the account's service role."""
        if self._service_role is None:
            raise AwsError(
                "ResourceNotFoundException", "You need to attach a service role to the account", 404
            )
        return {"roleArn": self._service_role[0], "associatedAt": str(self._service_role[1])}

    def tag_resource(self, call: Call, resourceArn: str, tags: dict[str, str]) -> Parameters:
        """Tag a component version or a deployment."""
        self._tags(resourceArn).update(tags)
        return {}

    def list_tags_for_resource(self, call: Call, resourceArn: str) -> Parameters:
        """Return the tags of a component version or a deployment."""
        return {"tags": self._tags(resourceArn)}

    def _tags(self, arn: str) -> dict[str, str]:
        kind, _, name = arn.split(":", 5)[5].partition(":")
        return self._deployment(name).tags if kind == "deployments" else self._components.component(arn).tags


def _check_configuration(name: str, update: Parameters) -> None:
    if "merge" not in update:
        return
    try:
        merged = json.loads(update["merge"])
    except ValueError as error:
        raise AwsError("ValidationException", f"components: {name}: merge is not JSON: {error}") from error
    if not isinstance(merged, dict):
        raise AwsError("ValidationException", f"components: {name}: merge is not a JSON object")


def _job(call: Call, deployment: Deployment) -> Parameters:
    if deployment.to_thing:
        return {}
    return {"iotJobId": deployment.job_id, "iotJobArn": call.arn("iot", f"job/{deployment.job_id}")}


def _device_status(device: CoreDevice) -> str:
    silent = time.time() - device.seen > DISCONNECTED_AFTER_SECONDS
    return "UNHEALTHY" if silent else device.status
