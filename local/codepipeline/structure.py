"""Whether a pipeline's declaration is one that AWS takes and that can be run here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from local.cloud.errors import AwsError
from local.codepipeline.declaration import Action, all_actions, references, stage_actions
from local.codepipeline.providers import problem_of

_RESERVED_NAMESPACES = ("codepipeline", "variables")
_STAGE_FIELDS_REFUSED = ("blockers", "onFailure", "onSuccess", "beforeEntry")
_ACTION_FIELDS_REFUSED = ("commands", "outputVariables", "environmentVariables")


def check(pipeline: Mapping[str, Any], region: str) -> None:
    """Raise the AwsError that CreatePipeline gives for a declaration that is wrong or not served."""
    _check_head(pipeline, region)
    _check_stages(pipeline)
    for _, action in all_actions(pipeline):
        _check_action(action, region)
    _check_artifacts(pipeline)
    _check_references(pipeline)
    _check_triggers(pipeline)


def _check_head(pipeline: Mapping[str, Any], region: str) -> None:
    if ("artifactStore" in pipeline) == ("artifactStores" in pipeline):
        raise _structure("Pipeline has to have exactly one of artifactStore and artifactStores")
    elsewhere = sorted(set(pipeline.get("artifactStores", {})) - {region})
    if elsewhere:
        raise _structure(f"artifactStores: {', '.join(elsewhere)}: the local cloud has the region {region}")
    kind, mode = pipeline.get("pipelineType", "V1"), pipeline.get("executionMode", "SUPERSEDED")
    if kind == "V1" and (mode != "SUPERSEDED" or pipeline.get("variables") or pipeline.get("triggers")):
        raise _structure("executionMode, variables and triggers need pipelineType V2")
    if twice := _repeated(variable["name"] for variable in pipeline.get("variables", [])):
        raise _structure(f"Variable names must be unique in a pipeline: {twice}")


def _check_stages(pipeline: Mapping[str, Any]) -> None:
    stages = pipeline["stages"]
    if len(stages) < 2:
        raise _structure("Pipeline should have at least 2 stages")
    if twice := _repeated(stage["name"] for stage in stages):
        raise _structure(f"Stage names must be unique in a pipeline: {twice}")
    for index, stage in enumerate(stages):
        actions = stage_actions(stage)
        if refused := [field for field in _STAGE_FIELDS_REFUSED if stage.get(field)]:
            raise AwsError(
                "InvalidStageDeclarationException",
                f"stage {stage['name']}: {', '.join(refused)} is not served by the local cloud",
            )
        if not actions:
            raise AwsError(
                "InvalidStageDeclarationException", f"stage {stage['name']}: at least one action is needed"
            )
        if twice := _repeated(action.name for action in actions):
            raise _structure(f"Action names must be unique in a stage: {stage['name']}: {twice}")
        wrong = [action for action in actions if (action.category == "Source") != (index == 0)]
        if wrong and index == 0:
            raise _structure("Pipeline should start with a stage that only contains source actions")
        if wrong:
            raise _structure(f"Only the first stage can have source actions: {wrong[0].where}")


def _check_action(action: Action, region: str) -> None:
    problem = problem_of(action)
    if refused := [field for field in _ACTION_FIELDS_REFUSED if action.declared.get(field)]:
        problem = f"{', '.join(refused)} is not served by the local cloud"
    if any(artifact.get("files") for artifact in action.declared.get("outputArtifacts", [])):
        problem = "files of an output artifact are not served by the local cloud"
    if action.declared.get("region", region) != region:
        problem = f"region {action.declared['region']}: the local cloud has the region {region}"
    if "timeoutInMinutes" in action.declared and action.provider != "Manual":
        problem = "timeoutInMinutes is for manual approvals only"
    if problem:
        raise AwsError("InvalidActionDeclarationException", f"{action.where}: {problem}")


def _check_artifacts(pipeline: Mapping[str, Any]) -> None:
    made: dict[str, tuple[int, int]] = {}
    for place, action in all_actions(pipeline):
        for name in action.outputs:
            if name in made:
                raise _structure(f"Output artifact names must be unique in a pipeline: {name}")
            made[name] = place
    for place, action in all_actions(pipeline):
        for name in action.inputs:
            if name not in made or made[name] >= place:
                raise _structure(
                    f"{action.where}: the input artifact {name} is no output of an earlier action"
                )


def _check_references(pipeline: Mapping[str, Any]) -> None:
    namespaces: dict[str, tuple[int, int]] = {}
    for place, action in all_actions(pipeline):
        if not action.namespace:
            continue
        if action.namespace in namespaces or action.namespace in _RESERVED_NAMESPACES:
            raise _structure(f"{action.where}: the namespace {action.namespace} is taken")
        namespaces[action.namespace] = place
    declared = {variable["name"] for variable in pipeline.get("variables", [])}
    for place, action in all_actions(pipeline):
        for key, text in action.configuration.items():
            for reference in references(text):
                namespace, dot, name = reference.partition(".")
                known = (
                    (namespace == "codepipeline" and name == "PipelineExecutionId")
                    or (namespace == "variables" and name in declared)
                    or (namespace in namespaces and namespaces[namespace] < place)
                )
                if not dot or not name or not known:
                    raise _structure(
                        f"{action.where}: {key} refers to #{{{reference}}}, and no earlier action has that "
                        "namespace, nor is it a variable of the pipeline"
                    )


def _check_triggers(pipeline: Mapping[str, Any]) -> None:
    by_name = {a.name: a for a in stage_actions(pipeline["stages"][0])}
    for trigger in pipeline.get("triggers", []):
        git = trigger["gitConfiguration"]
        source = by_name.get(git["sourceActionName"])
        if source is None or source.provider != "CodeStarSourceConnection":
            raise _structure(f"trigger: {git['sourceActionName']} is no CodeStarSourceConnection action")
        if git.get("pullRequest"):
            raise _structure(f"trigger of {source.name}: pullRequest is not served by the local cloud")
        for push in git.get("push", []):
            if push.get("tags"):
                raise _structure(f"trigger of {source.name}: tags are not served by the local cloud")
            if push.get("filePaths") and not push.get("branches"):
                raise _structure(f"trigger of {source.name}: filePaths need branches beside them")
    if twice := _repeated(t["gitConfiguration"]["sourceActionName"] for t in pipeline.get("triggers", [])):
        raise _structure(f"a source action has one trigger at most: {twice}")


def _repeated(names: Iterable[str]) -> str:
    return ", ".join(name for name, times in Counter(names).items() if times > 1)


def _structure(message: str) -> AwsError:
    return AwsError("InvalidStructureException", message)
