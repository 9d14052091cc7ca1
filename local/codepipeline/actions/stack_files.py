"""What a CloudFormation action reads out of its artifacts: the template, its parameters, its tags."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from local.codepipeline.work import ActionError, Work


@dataclass(frozen=True)
class StackConfiguration:
    """The parameters and tags of a stack."""

    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        """Give them as the API takes them."""
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        tags = [{"Key": k, "Value": v} for k, v in self.tags.items()]
        return {"Parameters": parameters, "Tags": tags}


def template(work: Work) -> str:
    """Give the template that TemplatePath names."""
    return _file(work, "TemplatePath")


def configuration(work: Work) -> StackConfiguration:
    """Give what TemplateConfiguration and, above it, ParameterOverrides say."""
    parameters: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    if work.configuration.get("TemplateConfiguration"):
        document = _parsed("TemplateConfiguration", _file(work, "TemplateConfiguration"))
        if unserved := sorted(set(document) - {"Parameters", "Tags"}):
            raise ActionError(
                "ConfigurationError",
                f"TemplateConfiguration: {', '.join(unserved)} is not served by the local cloud",
            )
        parameters, tags = dict(document.get("Parameters", {})), dict(document.get("Tags", {}))
    overrides = _parsed("ParameterOverrides", work.configuration.get("ParameterOverrides") or "{}")
    parameters |= {name: _value(work, name, value) for name, value in overrides.items()}
    return StackConfiguration(
        {name: str(value) for name, value in parameters.items()},
        {key: str(value) for key, value in tags.items()},
    )


def _file(work: Work, key: str) -> str:
    artifact, separator, path = work.configuration[key].partition("::")
    if not separator or not path:
        raise ActionError("ConfigurationError", f"{key} is Artifact::path, not {work.configuration[key]}")
    return work.read(artifact, path)


def _parsed(key: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ActionError("ConfigurationError", f"{key} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ActionError("ConfigurationError", f"{key} is not a JSON object")
    return document


def _value(work: Work, name: str, value: Any) -> Any:
    """Evaluate the two functions that an override may use."""
    if not isinstance(value, dict):
        return value
    function, arguments = next(iter(value.items()), ("", []))
    if function == "Fn::GetArtifactAtt" and len(arguments) == 2 and arguments[0] in work.inputs:
        where = work.inputs[arguments[0]]
        found = {"BucketName": where.bucket, "ObjectKey": where.key}.get(arguments[1])
        if found:
            return found
    if function == "Fn::GetParam" and len(arguments) == 3:
        document = _parsed(arguments[1], work.read(arguments[0], arguments[1]))
        if arguments[2] in document:
            return document[arguments[2]]
    raise ActionError("ConfigurationError", f"ParameterOverrides: {name}: {json.dumps(value)} gives nothing")
