"""The action types that are served, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from local.codepipeline.declaration import Action

_CHANGE_SET = ("ChangeSetName",)
_TEMPLATE = ("TemplatePath", "RoleArn")
_MODES = {
    "CHANGE_SET_REPLACE": (*_CHANGE_SET, *_TEMPLATE),
    "CHANGE_SET_EXECUTE": _CHANGE_SET,
    "CREATE_UPDATE": _TEMPLATE,
    "DELETE_ONLY": ("RoleArn",),
}


@dataclass(frozen=True)
class Provider:
    """An action type: its configuration, and how many artifacts it takes and makes (least, most)."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    inputs: tuple[int, int] = (0, 0)
    outputs: tuple[int, int] = (0, 0)


_BUILD = Provider(
    ("ProjectName",),
    ("PrimarySource", "BatchEnabled", "CombineArtifacts", "EnvironmentVariables"),
    (1, 5),
    (0, 5),
)
PROVIDERS: Mapping[tuple[str, str], Provider] = {
    ("Source", "S3"): Provider(("S3Bucket", "S3ObjectKey"), ("PollForSourceChanges",), outputs=(1, 1)),
    ("Source", "CodeCommit"): Provider(
        ("RepositoryName", "BranchName"), ("PollForSourceChanges", "OutputArtifactFormat"), outputs=(1, 1)
    ),
    ("Source", "CodeStarSourceConnection"): Provider(
        ("ConnectionArn", "FullRepositoryId", "BranchName"),
        ("OutputArtifactFormat", "DetectChanges"),
        outputs=(1, 1),
    ),
    ("Build", "CodeBuild"): _BUILD,
    ("Test", "CodeBuild"): _BUILD,
    ("Deploy", "CloudFormation"): Provider(
        ("ActionMode", "StackName"),
        (
            "Capabilities", "ChangeSetName", "OutputFileName", "ParameterOverrides", "RoleArn",
            "TemplateConfiguration", "TemplatePath",
        ),
        (0, 10),
        (0, 1),
    ),
    ("Approval", "Manual"): Provider((), ("NotificationArn", "CustomData", "ExternalEntityLink")),
    ("Invoke", "StepFunctions"): Provider(
        ("StateMachineArn",), ("ExecutionNamePrefix", "InputType", "Input"), (0, 1)
    ),
    ("Invoke", "Lambda"): Provider(("FunctionName",), ("UserParameters",), (0, 5), (0, 5)),
}  # fmt: skip


def problem_of(action: Action) -> str | None:
    """Say what is wrong with an action's type or configuration, or None."""
    kind = action.declared["actionTypeId"]
    provider = PROVIDERS.get((action.category, action.provider))
    if kind["owner"] != "AWS" or kind["version"] != "1" or provider is None:
        return (
            f"the action type {kind['owner']} {action.category} {action.provider} version {kind['version']} "
            "is not served by the local cloud"
        )
    return _keys(action, provider) or _artifacts(action, provider) or _values(action)


def _keys(action: Action, provider: Provider) -> str | None:
    given = set(action.configuration)
    if missing := sorted(set(provider.required) - given):
        return f"the configuration of {action.provider} lacks {', '.join(missing)}"
    if unknown := sorted(given - {*provider.required, *provider.optional}):
        return f"the configuration of {action.provider} has no {', '.join(unknown)}"
    return None


def _artifacts(action: Action, provider: Provider) -> str | None:
    for what, names, (least, most) in (
        ("input", action.inputs, provider.inputs),
        ("output", action.outputs, provider.outputs),
    ):
        if not least <= len(names) <= most:
            return (
                f"{action.provider} takes {least} to {most} {what} artifacts in the local cloud, "
                f"{len(names)} declared"
            )
    return None


def _values(action: Action) -> str | None:
    given = action.configuration
    if action.provider in ("S3", "CodeCommit") and given.get("PollForSourceChanges", "").lower() != "false":
        # On AWS it is on unless it is switched off.
        return "polling is not served by the local cloud: set PollForSourceChanges to false"
    if given.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        return f"OutputArtifactFormat {given['OutputArtifactFormat']} is not served by the local cloud"
    if action.provider == "CodeBuild":
        return _build_values(action)
    if action.provider == "CloudFormation":
        return _stack_values(given)
    if action.provider == "StepFunctions":
        return _machine_values(action)
    return None


def _build_values(action: Action) -> str | None:
    given = action.configuration
    for key in ("BatchEnabled", "CombineArtifacts"):
        if given.get(key, "false").lower() != "false":
            return f"{key}: batch builds are not served by the local cloud"
    primary = given.get("PrimarySource")
    if primary is None and len(action.inputs) > 1:
        return "PrimarySource is required where there are several input artifacts"
    if primary is not None and primary not in action.inputs:
        return f"PrimarySource {primary} is no input artifact of the action"
    return None


def _stack_values(given: Mapping[str, str]) -> str | None:
    mode = given["ActionMode"]
    if mode not in _MODES:
        return f"ActionMode {mode} is not served by the local cloud"
    if missing := [key for key in _MODES[mode] if not given.get(key)]:
        return f"ActionMode {mode} needs {', '.join(missing)}"
    return None


def _machine_values(action: Action) -> str | None:
    given = action.configuration
    kind = given.get("InputType", "Literal")
    if kind not in ("Literal", "FilePath"):
        return f"InputType is Literal or FilePath, not {kind}"
    if kind == "FilePath" and not (given.get("Input") and action.inputs):
        return "InputType FilePath needs Input and an input artifact"
    return None
