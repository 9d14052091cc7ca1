"""How much AWS takes of policies, environments and templates: more of it fails only when it is deployed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from checks.assembly import Assembly, Resource, Stack
from checks.finding import Finding
from checks.intrinsics import Resolver

NAME = "limits"
_FEWER = "configure fewer models or classes, or write shorter names"
# Characters of a policy but for white space, and bytes of the rest.
_INLINE, _MANAGED, _TRUST, _ATTACHED = 10_240, 6_144, 2_048, 10
_BUCKET_POLICY, _KEY_POLICY = 20_480, 32_768
_LAMBDA_ENVIRONMENT, _BUILD_ENVIRONMENT, _ACTION_VALUE = 4_096, 5_500, 1_000
_STATE_MACHINE, _TEMPLATE, _RESOURCES, _OUTPUTS = 1_048_576, 1_048_576, 500, 200
_EVENT_PATTERN = 2_048


def check(assembly: Assembly) -> list[Finding]:
    """Measure what has a limit in every template."""
    resolver = Resolver(assembly)
    found = [found for stack in assembly.stacks for found in _of_stack(stack)]
    found += [found for stack in assembly.stacks for found in _of_roles(stack, resolver)]
    for kind, measure in _MEASURES.items():
        for resource in assembly.resources(kind):
            found += measure(resource, resolver)
    return found


def _of_stack(stack: Stack) -> Iterator[Finding]:
    size = stack.file.stat().st_size
    yield from _over(stack.path, "the template", size, _TEMPLATE, "bytes")
    yield from _over(stack.path, "the template", len(stack.template["Resources"]), _RESOURCES, "resources")
    yield from _over(stack.path, "the template", len(stack.template.get("Outputs", {})), _OUTPUTS, "outputs")


def _of_roles(stack: Stack, resolver: Resolver) -> Iterator[Finding]:
    """Policies of a role are measured together where they are its own, and counted where they are managed."""
    resources = [Resource(stack, name, made) for name, made in stack.template["Resources"].items()]
    for role in (resource for resource in resources if resource.definition.get("Type") == "AWS::IAM::Role"):
        own = [entry["PolicyDocument"] for entry in role.properties.get("Policies", [])]
        own += [
            found.properties["PolicyDocument"] for found in _attached(resources, role, "AWS::IAM::Policy")
        ]
        size = sum(_characters(stack, document, resolver) for document in own)
        yield from _over(role.where, "all inline policy text", size, _INLINE, "characters")
        managed = len(list(_attached(resources, role, "AWS::IAM::ManagedPolicy")))
        managed += len(role.properties.get("ManagedPolicyArns", []))
        yield from _over(role.where, "the role", managed, _ATTACHED, "managed policies")


def _attached(resources: list[Resource], role: Resource, kind: str) -> Iterator[Resource]:
    for resource in resources:
        roles = resource.properties.get("Roles", []) if resource.definition.get("Type") == kind else []
        if {"Ref": role.logical_id} in roles:
            yield resource


def _managed_policy(policy: Resource, resolver: Resolver) -> Iterator[Finding]:
    size = _characters(policy.stack, policy.properties["PolicyDocument"], resolver)
    yield from _over(policy.where, "the managed policy", size, _MANAGED, "characters")


def _role(role: Resource, resolver: Resolver) -> Iterator[Finding]:
    size = _characters(role.stack, role.properties.get("AssumeRolePolicyDocument", {}), resolver)
    yield from _over(role.where, "the trust policy", size, _TRUST, "characters")


def _bucket_policy(policy: Resource, resolver: Resolver) -> Iterator[Finding]:
    size = _characters(policy.stack, policy.properties["PolicyDocument"], resolver)
    yield from _over(policy.where, "the bucket's policy", size, _BUCKET_POLICY, "characters")


def _key(key: Resource, resolver: Resolver) -> Iterator[Finding]:
    size = _characters(key.stack, key.properties.get("KeyPolicy", {}), resolver)
    yield from _over(key.where, "the key's policy", size, _KEY_POLICY, "characters")


def _function(function: Resource, resolver: Resolver) -> Iterator[Finding]:
    given = function.properties.get("Environment", {}).get("Variables", {})
    variables = resolver.resolve(function.stack, given)
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    yield from _over(function.where, "the environment", size, _LAMBDA_ENVIRONMENT, "bytes")


def _project(project: Resource, resolver: Resolver) -> Iterator[Finding]:
    entries = project.properties.get("Environment", {}).get("EnvironmentVariables") or []
    size = sum(len(f"{e['Name']}{e['Value']}") for e in resolver.resolve(project.stack, entries))
    yield from _over(project.where, "the environment", size, _BUILD_ENVIRONMENT, "characters")


def _pipeline(pipeline: Resource, resolver: Resolver) -> Iterator[Finding]:
    stages = resolver.resolve(pipeline.stack, pipeline.properties.get("Stages") or [])
    for action in (action for stage in stages for action in stage["Actions"]):
        for name, value in action.get("Configuration", {}).items():
            what = f"{name} of the action {action['Name']}"
            yield from _over(pipeline.where, what, len(str(value)), _ACTION_VALUE, "characters")


def _state_machine(machine: Resource, resolver: Resolver) -> Iterator[Finding]:
    text = str(resolver.resolve(machine.stack, machine.properties.get("DefinitionString", "")))
    yield from _over(machine.where, "the definition", len(text.encode()), _STATE_MACHINE, "bytes")


def _rule(rule: Resource, resolver: Resolver) -> Iterator[Finding]:
    size = _characters(rule.stack, rule.properties.get("EventPattern", {}), resolver)
    yield from _over(rule.where, "the event pattern", size, _EVENT_PATTERN, "characters")


_MEASURES = {
    "AWS::Events::Rule": _rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _function,
    "AWS::CodeBuild::Project": _project,
    "AWS::CodePipeline::Pipeline": _pipeline,
    "AWS::StepFunctions::StateMachine": _state_machine,
}


def _characters(stack: Stack, document: Mapping[str, Any], resolver: Resolver) -> int:
    """White space does not count; inside of texts, which have hardly any, it is counted here."""
    return len(json.dumps(resolver.resolve(stack, document), separators=(",", ":")))


def _over(where: str, what: str, size: int, most: int, unit: str) -> Iterator[Finding]:
    if size > most:
        yield Finding(NAME, where, f"{what} has {size} {unit}, AWS takes {most}", _FEWER)
