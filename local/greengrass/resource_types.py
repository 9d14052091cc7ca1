"""CloudFormation's AWS::GreengrassV2::ComponentVersion and AWS::GreengrassV2::Deployment."""

from typing import Any

from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext
from local.greengrass.service import GreengrassV2


class ComponentVersionType:
    """`Ref` is the version's ARN. Only tags change in place; another recipe is another resource."""

    def __init__(self, service: GreengrassV2) -> None:
        self._service = service

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Create the version."""
        _refuse_unknown("AWS::GreengrassV2::ComponentVersion", properties, {"InlineRecipe", "Tags"})
        created = self._service.create_component_version(
            context.call,
            inlineRecipe=str(properties.get("InlineRecipe", "")).encode(),
            tags=dict(properties.get("Tags", {})),
        )
        return created["arn"], {
            "Arn": created["arn"],
            "ComponentName": created["componentName"],
            "ComponentVersion": created["componentVersion"],
        }

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Replace the version when the recipe changes: the same version twice is a conflict, as on AWS."""
        if old.get("InlineRecipe") != new.get("InlineRecipe"):
            return self.create(new, context)
        self._service.tag_resource(context.call, resourceArn=physical_id, tags=dict(new.get("Tags", {})))
        found = self._service.describe_component(context.call, arn=physical_id)
        return physical_id, {
            "Arn": physical_id,
            "ComponentName": found["componentName"],
            "ComponentVersion": found["componentVersion"],
        }

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Delete the version."""
        try:
            self._service.delete_component(context.call, arn=physical_id)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise


class DeploymentType:
    """`Ref` is the deployment's id. Everything but tags and the name is replaced by another deployment."""

    def __init__(self, service: GreengrassV2) -> None:
        self._service = service

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Create the deployment."""
        known = {
            "TargetArn",
            "DeploymentName",
            "Components",
            "DeploymentPolicies",
            "IotJobConfiguration",
            "Tags",
        }
        _refuse_unknown("AWS::GreengrassV2::Deployment", properties, known)
        parameters = {
            _lower(key): _lowered(value) for key, value in properties.items() if key != "Components"
        }
        parameters["components"] = {
            name: _lowered(entry) for name, entry in properties.get("Components", {}).items()
        }
        parameters["tags"] = dict(properties.get("Tags", {}))
        created = self._service.create_deployment(context.call, **parameters)
        return created["deploymentId"], {"DeploymentId": created["deploymentId"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Tag in place, or replace."""
        if {**old, "Tags": None} == {**new, "Tags": None}:
            deployment_arn = context.call.arn("greengrass", f"deployments:{physical_id}")
            self._service.tag_resource(
                context.call, resourceArn=deployment_arn, tags=dict(new.get("Tags", {}))
            )
            return physical_id, {"DeploymentId": physical_id}
        return self.create(new, context)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Cancel the deployment; devices keep what they run."""
        try:
            self._service.cancel_deployment(context.call, deploymentId=physical_id)
        except AwsError as error:
            if error.code not in ("ResourceNotFoundException", "ConflictException"):
                raise


def _refuse_unknown(resource_type: str, properties: Properties, known: set[str]) -> None:
    if unknown := sorted(set(properties) - known):
        raise AwsError("ValidationException", f"{resource_type}: {', '.join(unknown)}: not served locally")


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {_lower(key): _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value
