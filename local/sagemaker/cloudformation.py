"""SageMaker's CloudFormation resource types: each made, changed and removed by calls to the API."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import ClientError

from local.cloud.plugin import Attributes, Properties, ResourceContext, ResourceType
from local.sagemaker.model import input_shape
from local.sagemaker.registry import last_part

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_GONE = ("ResourceNotFound", "does not exist", "Could not find", "can't find")
_LOOK_EVERY_SECONDS = 0.2


class UpdateError(Exception):
    """The change needs a new resource, and the fixed name leaves no room for one."""


@dataclass(frozen=True)
class Kind:
    """What sets one resource type apart.

    `attributes`: what `Fn::GetAtt` gives, out of the Describe answer. `changeable`: the properties that the
    API's update can change; a change of any other replaces the resource. `policy`: the property that holds
    its resource policy. `ref_is_arn`: whether `Ref` gives the ARN instead of the name.
    """

    word: str
    attributes: tuple[str, ...]
    changeable: frozenset[str] = frozenset()
    policy: str = ""
    ref_is_arn: bool = True

    @property
    def name(self) -> str:
        """The property that names the resource."""
        return f"{self.word}Name"


_KINDS = (
    Kind(
        "ModelPackageGroup",
        ("ModelPackageGroupArn", "ModelPackageGroupStatus", "CreationTime"),
        policy="ModelPackageGroupPolicy",
    ),
    Kind(
        "FeatureGroup",
        ("FeatureGroupStatus", "CreationTime"),
        frozenset({"FeatureDefinitions"}),
        ref_is_arn=False,
    ),
    Kind("Model", ("ModelName",)),
    Kind("EndpointConfig", ("EndpointConfigName",)),
    Kind("Endpoint", ("EndpointName",), frozenset({"EndpointConfigName", "DeploymentConfig"})),
    Kind(
        "Pipeline",
        (),
        frozenset({
            "PipelineDefinition", "PipelineDisplayName", "PipelineDescription", "RoleArn",
            "ParallelismConfiguration",
        }),
        ref_is_arn=False,
    ),
)  # fmt: skip


def resource_types(cloud: LocalCloud) -> dict[str, ResourceType]:
    """Give the resource types by their CloudFormation names."""
    return {f"AWS::SageMaker::{kind.word}": ApiResource(cloud, kind) for kind in _KINDS}


@dataclass
class ApiResource:
    """A resource type over the API's Create, Describe, Update and Delete operations."""

    cloud: LocalCloud
    kind: Kind
    _client: Any = field(default=None, repr=False)

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the resource and wait until it is there."""
        operation = f"Create{self.kind.word}"
        request = self._request(operation, properties)
        request.setdefault(self.kind.name, _generated_name(context, properties))
        self._call(operation, request)
        self._put_policy(request[self.kind.name], properties)
        return self._settled(request[self.kind.name])

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Change what the API can change; make a new resource for any other change, if its name allows."""
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        name = last_part(physical_id)
        beside = {"Tags", self.kind.policy}
        fixed = sorted(changed - self.kind.changeable - beside)
        if fixed:
            if self.kind.name in new and self.kind.name not in changed:
                raise UpdateError(
                    f"{context.logical_id}: {', '.join(fixed)} cannot be changed in place, and the "
                    f"{self.kind.name} {name!r} is taken by the resource as it is: give it another name"
                )
            return self.create(new, context)
        if changed - beside:
            given = _added_features(old, new) if self.kind.word == "FeatureGroup" else new
            request = self._request(f"Update{self.kind.word}", {**given, self.kind.name: name})
            self._call(f"Update{self.kind.word}", request)
        if self.kind.policy in changed:
            self._put_policy(name, new)
        if "Tags" in changed:
            self._retag(name, old.get("Tags", []), new.get("Tags", []))
        return self._settled(name)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the resource."""
        operation = f"Delete{self.kind.word}"
        request = self._request(operation, {self.kind.name: last_part(physical_id)})
        try:
            self._call(operation, request)
        except ClientError as error:
            if not any(word in str(error) for word in _GONE):
                raise

    def _request(self, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        shape = input_shape(operation)
        request = {
            name: value
            for name, value in properties.items()
            if name != self.kind.policy and (name != "Tags" or "Tags" in shape.members)
        }
        if self.kind.word == "Pipeline":
            request |= _definition(request.pop("PipelineDefinition", {}))
        if "ClientRequestToken" in shape.members:
            # Unlike a user's retry, another deployment of the same properties is a new request.
            request["ClientRequestToken"] = _digest({**request, "at": time.time_ns()})
        coerced = _coerce(request, shape)
        return dict(coerced)

    def _call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._client is None:
            self._client = self.cloud.root_session().client("sagemaker")
        answer: dict[str, Any] = getattr(self._client, xform_name(operation))(**request)
        return answer

    def _settled(self, name: str) -> tuple[str, Attributes]:
        """Wait until the resource is stable, and give its physical id and attributes."""
        status = f"{self.kind.word}Status"
        while True:
            described = self._call(f"Describe{self.kind.word}", {self.kind.name: name})
            if described.get(status) not in ("Creating", "Updating", "Pending", "InProgress"):
                break
            time.sleep(_LOOK_EVERY_SECONDS)
        if self.kind.word == "Endpoint" and (
            described[status] != "InService" or described.get("FailureReason")
        ):
            raise RuntimeError(f"Endpoint {name}: {described.get('FailureReason', described[status])}")
        attributes = {key: _text(described[key]) for key in self.kind.attributes if key in described}
        return (described[f"{self.kind.word}Arn"] if self.kind.ref_is_arn else name), attributes

    def _put_policy(self, name: str, properties: Properties) -> None:
        """Give the resource its policy, or take it away."""
        if not self.kind.policy:
            return
        named = {self.kind.name: name}
        policy = properties.get(self.kind.policy)
        if not policy:
            self._call(f"Delete{self.kind.policy}", named)
            return
        text = policy if isinstance(policy, str) else json.dumps(policy)
        self._call(f"Put{self.kind.policy}", {**named, "ResourcePolicy": text})

    def _retag(self, name: str, old: list[dict[str, str]], new: list[dict[str, str]]) -> None:
        arn = self._call(f"Describe{self.kind.word}", {self.kind.name: name})[f"{self.kind.word}Arn"]
        removed = sorted({tag["Key"] for tag in old} - {tag["Key"] for tag in new})
        if removed:
            self._call("DeleteTags", {"ResourceArn": arn, "TagKeys": removed})
        if new:
            self._call("AddTags", {"ResourceArn": arn, "Tags": new})


def _generated_name(context: ResourceContext, properties: Properties) -> str:
    return f"{context.physical_name(54)}-{_digest(properties)[:8]}"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _definition(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the API's form of the template's PipelineDefinition."""
    if "PipelineDefinitionBody" in given:
        return {"PipelineDefinition": given["PipelineDefinitionBody"]}
    place = given.get("PipelineDefinitionS3Location")
    if place is None:
        return {}
    names = {"Bucket": "Bucket", "Key": "ObjectKey", "Version": "VersionId"}
    return {
        "PipelineDefinitionS3Location": {names[key]: value for key, value in place.items() if key in names}
    }


def _added_features(old: Properties, new: Properties) -> dict[str, Any]:
    """Give what a feature group has more than before, all that its update can do."""
    before, features = old["FeatureDefinitions"], new["FeatureDefinitions"]
    if lost := [item["FeatureName"] for item in before if item not in features]:
        raise UpdateError(f"features can be added only, and {', '.join(lost)} would change or go")
    return {"FeatureAdditions": [item for item in features if item not in before]}


def _coerce(value: Any, shape: Any) -> Any:
    """Turn the text of a template into numbers and truths where the API wants them."""
    kind = shape.type_name if shape is not None else None
    if kind == "structure" and isinstance(value, dict):
        return {key: _coerce(item, shape.members.get(key)) for key, item in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_coerce(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _coerce(item, shape.value) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    return value.lower() == "true" if kind == "boolean" else value


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
