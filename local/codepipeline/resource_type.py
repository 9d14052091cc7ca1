"""CodePipeline's CloudFormation types."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from local.cloud.aws_session import service_model
from local.cloud.plugin import Attributes, Properties, ResourceContext

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_NOT_IN_THE_PIPELINE = (
    "Tags",
    "RestartExecutionOnUpdate",
    "DisableInboundStageTransitions",
    "ArtifactStores",
)


class PipelineType:
    """AWS::CodePipeline::Pipeline, by calls to the API; `Ref` is the name, `Version` the number."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the pipeline, which starts its first execution, as CreatePipeline does."""
        name = properties.get("Name") or f"{context.physical_name(60)}-{uuid.uuid4().hex[:12].upper()}"
        client = self._client()
        made = client.create_pipeline(pipeline=declared(properties, name), tags=_tags(properties))
        self._close_transitions(client, name, {}, properties)
        return name, {"Version": str(made["pipeline"]["version"])}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Bring the pipeline to its new form; another name makes another pipeline."""
        if new.get("Name", physical_id) != physical_id:
            return self.create(new, context)
        client, restart = self._client(), str(new.get("RestartExecutionOnUpdate", "")).lower() == "true"
        if declared(old, physical_id) != declared(new, physical_id):
            client.update_pipeline(pipeline=declared(new, physical_id))
            if restart:
                client.start_pipeline_execution(name=physical_id)
        self._retag(client, physical_id, old, new)
        self._close_transitions(client, physical_id, old, new)
        return physical_id, {"Version": str(client.get_pipeline(name=physical_id)["pipeline"]["version"])}

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the pipeline; one that is gone already is no error."""
        self._client().delete_pipeline(name=physical_id)

    def _client(self) -> Any:
        return self._cloud.root_session().client("codepipeline")

    def _retag(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        if _tags(old) == _tags(new):
            return
        arn = client.get_pipeline(name=name)["metadata"]["pipelineArn"]
        gone = {tag["key"] for tag in _tags(old)} - {tag["key"] for tag in _tags(new)}
        if gone:
            client.untag_resource(resourceArn=arn, tagKeys=sorted(gone))
        if _tags(new):
            client.tag_resource(resourceArn=arn, tags=_tags(new))

    def _close_transitions(self, client: Any, name: str, old: Properties, new: Properties) -> None:
        field = "DisableInboundStageTransitions"
        closed = {entry["StageName"]: entry["Reason"] for entry in new.get(field) or ()}
        for entry in old.get(field) or ():
            if entry["StageName"] not in closed:
                client.enable_stage_transition(
                    pipelineName=name, stageName=entry["StageName"], transitionType="Inbound"
                )
        for stage, reason in closed.items():
            client.disable_stage_transition(
                pipelineName=name, stageName=stage, transitionType="Inbound", reason=reason
            )


class CustomActionType:
    """AWS::CodePipeline::CustomActionType, which nobody here would work for."""

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Refuse it."""
        raise RuntimeError(f"{context.logical_id}: custom action types are not served by the local cloud")

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Refuse it."""
        return self.create(new, context)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove what was never made."""


def declared(properties: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Turn a template's properties into the API's declaration."""
    shape = service_model("codepipeline").operation_model("CreatePipeline").input_shape.members["pipeline"]
    given = {key: value for key, value in properties.items() if key not in _NOT_IN_THE_PIPELINE}
    pipeline = dict(_lowered({**given, "Name": name}, shape, ""))
    if "ArtifactStores" in properties:
        stores = {store["Region"]: store["ArtifactStore"] for store in properties["ArtifactStores"]}
        pipeline["artifactStores"] = _lowered(stores, shape.members["artifactStores"], "ArtifactStores")
    return pipeline


def _lowered(value: Any, shape: Any, where: str) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        names = {name[:1].upper() + name[1:]: name for name in shape.members}
        if unknown := sorted(set(value) - set(names)):
            raise ValueError(f"{where or 'AWS::CodePipeline::Pipeline'} has no property {', '.join(unknown)}")
        return {
            names[key]: _lowered(item, shape.members[names[key]], f"{where}.{key}".lstrip("."))
            for key, item in value.items()
            if item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_lowered(item, shape.member, where) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _lowered(item, shape.value, f"{where}.{key}") for key, item in value.items()}
    if kind == "integer":
        return int(value)
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    return str(value) if kind == "string" and isinstance(value, int | float) else value


def _tags(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags") or ()]
