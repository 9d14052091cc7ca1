"""Template values with their references filled in by what would stand there after a deployment."""

import json
import re
from collections.abc import Mapping
from typing import Any

from checks.assembly import Assembly, Resource, Stack

_KEY_ID = "12345678-1234-1234-1234-123456789012"
# What stands in the ARN's resource part; where a type is missing, the service and the name.
_ARNS = {
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/" + _KEY_ID,
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::CodeBuild::Project": "codebuild:{region}:{account}:project/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
}
_NAMES = (
    "BucketName", "RoleName", "FunctionName", "StateMachineName", "RepositoryName", "Name", "TopicName",
    "QueueName", "TableName", "LogGroupName", "ThingGroupName",
)  # fmt: skip
_REF_IS_ARN = {"AWS::StepFunctions::StateMachine", "AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}
_VARIABLE = re.compile(r"\$\{([^!][^}]*)\}")


class Resolver:
    """Fills in Ref, Fn::GetAtt, Fn::Join, Fn::Sub and the like, across the stacks of an assembly."""

    def __init__(self, assembly: Assembly) -> None:
        self._exports = {
            json.dumps(output["Export"]["Name"]): (stack, output["Value"])
            for stack in assembly.stacks
            for output in stack.template.get("Outputs", {}).values()
            if "Export" in output
        }

    def resolve(self, stack: Stack, value: Any) -> Any:
        """The value as CloudFormation would hand it over, with invented ids and the unknown account's."""
        if isinstance(value, list):
            entries = (self.resolve(stack, entry) for entry in value)
            return [entry for entry in entries if entry is not None]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or str(function).startswith("Fn::"):
                return self._intrinsic(stack, function, argument)
        resolved = {key: self.resolve(stack, entry) for key, entry in value.items()}
        return {key: entry for key, entry in resolved.items() if entry is not None}

    def _intrinsic(self, stack: Stack, function: str, argument: Any) -> Any:
        if function == "Fn::ImportValue":
            owner, exported = self._exports.get(json.dumps(argument), (stack, None))
            return self.resolve(owner, exported) if exported is not None else "imported"
        if function in ("Ref", "Fn::GetAtt"):
            return _reference(stack, argument)
        if function == "Fn::Sub":
            return self._substituted(stack, argument)
        if function == "Fn::If":
            return self.resolve(stack, argument[1])
        arguments = self.resolve(stack, argument)
        match function, arguments:
            case "Fn::Join", [separator, list() as parts]:
                return separator.join(map(str, parts))
            case "Fn::Select", [index, list() as parts]:
                return parts[int(index)] if int(index) < len(parts) else f"selected-{index}"
            case "Fn::Split", [separator, str() as text]:
                return text.split(separator)
            case "Fn::GetAZs", _:
                return [f"{stack.region}a", f"{stack.region}b"]
        return function.removeprefix("Fn::").lower()

    def _substituted(self, stack: Stack, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            if match[1] in given:
                return str(self.resolve(stack, given[match[1]]))
            return str(_reference(stack, [name, attribute] if attribute else name))

        return _VARIABLE.sub(value, text).replace("${!", "${")


def _reference(stack: Stack, argument: Any) -> Any:
    pseudo: dict[str, Any] = {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack.name,
        "AWS::StackId": f"arn:aws:cloudformation:{stack.region}:{stack.account}:stack/{stack.name}/{_KEY_ID}",
        "AWS::NoValue": None,
        "AWS::NotificationARNs": [],
    }
    if isinstance(argument, str) and argument in pseudo:
        return pseudo[argument]
    parameter = stack.template.get("Parameters", {}).get(argument) if isinstance(argument, str) else None
    if parameter is not None:
        return parameter.get("Default", "parameter")
    logical_id, attribute = (argument, None) if isinstance(argument, str) else (argument[0], argument[1])
    definition = stack.template["Resources"].get(logical_id, {"Type": "AWS::Unknown::Resource"})
    return _attribute(Resource(stack, logical_id, definition), attribute)


def _attribute(resource: Resource, attribute: str | None) -> str:
    kind: str = resource.definition["Type"]
    name = _name(resource)
    if attribute is None and kind not in _REF_IS_ARN:
        return _KEY_ID if kind == "AWS::KMS::Key" else name
    if attribute is None or attribute.endswith("Arn"):
        service = kind.split("::")[1].lower()
        arn = _ARNS.get(kind, service + ":{region}:{account}:{name}")
        return "arn:aws:" + arn.format(
            account=resource.stack.account, region=resource.stack.region, name=name
        )
    return f"{name}-{attribute.lower()}" if attribute != "Name" else name


def _name(resource: Resource) -> str:
    """The name that it has been given, or one as CloudFormation gives; buckets want lower case."""
    for key in _NAMES:
        if isinstance(given := resource.properties.get(key), str):
            return given
    name = f"{resource.stack.name}-{resource.logical_id}"
    return name.lower()[:60] if resource.definition["Type"] == "AWS::S3::Bucket" else name[:60]
