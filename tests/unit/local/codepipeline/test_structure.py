"""What CreatePipeline refuses, and by which name."""

from __future__ import annotations

from typing import Any

import pytest
from fake_codepipeline import action, pipeline, stage

from local.cloud.errors import AwsError
from local.codepipeline.structure import check

REGION = "eu-west-1"


def typed(
    name: str, category: str, provider: str, configuration: dict[str, str], **more: Any
) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "configuration": configuration, **more}


def refused(declared: dict[str, Any], *words: str) -> None:
    with pytest.raises(AwsError) as caught:
        check(declared, REGION)
    for word in words:
        assert word in str(caught.value)


def test_what_can_be_run_is_taken() -> None:
    check(pipeline(stage("Work", action("a"), action("b", runOrder=2))), REGION)


def test_one_stage_is_too_few() -> None:
    declared = pipeline()
    refused({**declared, "stages": declared["stages"][:1]}, "InvalidStructureException", "2 stages")


def test_first_stage_has_sources_only() -> None:
    declared = pipeline()
    declared["stages"][0]["actions"].append(action("Build"))
    refused(declared, "InvalidStructureException", "only contains source actions")


def test_sources_are_in_the_first_stage_only() -> None:
    refused(pipeline(stage("Late", action("Again", "S3"))), "stage Late, action Again")


def test_stage_names_are_unique() -> None:
    refused(pipeline(stage("Work"), stage("Work")), "Stage names must be unique", "Work")


def test_action_names_are_unique_in_a_stage() -> None:
    refused(pipeline(stage("Work", action("a"), action("a"))), "Action names must be unique", "Work: a")


def test_artifact_is_made_before_it_is_used() -> None:
    used = action("use", inputArtifacts=[{"name": "made"}])
    made = action("make", outputArtifacts=[{"name": "made"}])
    refused(pipeline(stage("Work", used, made)), "stage Work, action use", "made is no output")
    check(pipeline(stage("Work", {**used, "runOrder": 2}, made)), REGION)


def test_artifact_is_made_once() -> None:
    twice = [action(name, outputArtifacts=[{"name": "made"}]) for name in ("a", "b")]
    refused(pipeline(stage("Work", *twice)), "Output artifact names must be unique", "made")


def test_provider_that_is_not_served_is_named_with_its_action() -> None:
    deploy = typed("Ship", "Deploy", "CodeDeploy", {})
    refused(
        pipeline(stage("Work", deploy)),
        "InvalidActionDeclarationException",
        "action Ship",
        "Deploy CodeDeploy",
    )


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (typed("A", "Build", "CodeBuild", {}, inputArtifacts=[{"name": "x"}]), "lacks ProjectName"),
        (typed("A", "Build", "CodeBuild", {"ProjectName": "p"}), "1 to 5 input artifacts"),
        (
            typed(
                "A", "Build", "CodeBuild", {"ProjectName": "p", "BatchEnabled": "true"},
                inputArtifacts=[{"name": "SourceOutput"}],
            ),
            "BatchEnabled",
        ),
        (action("A", configuration={"FunctionName": "f", "Payload": "x"}), "has no Payload"),
        (
            typed("A", "Deploy", "CloudFormation", {"ActionMode": "REPLACE_ON_FAILURE", "StackName": "s"}),
            "REPLACE_ON_FAILURE is not served",
        ),
        (
            typed("A", "Deploy", "CloudFormation", {"ActionMode": "CHANGE_SET_EXECUTE", "StackName": "s"}),
            "needs ChangeSetName",
        ),
        (
            typed("A", "Invoke", "StepFunctions", {"StateMachineArn": "m", "InputType": "FilePath"}),
            "needs Input and an input artifact",
        ),
        (action("A", region="us-east-1"), "region us-east-1"),
        (action("A", commands=["ls"]), "commands is not served"),
        (action("A", timeoutInMinutes=5), "timeoutInMinutes is for manual approvals"),
    ],
)  # fmt: skip
def test_action_that_cannot_be_run_is_refused(declared: dict[str, Any], words: str) -> None:
    refused(
        pipeline(stage("Work", declared)), "InvalidActionDeclarationException", "stage Work, action A", words
    )


@pytest.mark.parametrize("polling", [{}, {"PollForSourceChanges": "true"}])
def test_polling_is_refused_also_where_it_is_the_default(polling: dict[str, str]) -> None:
    source = action("Source", "S3", configuration={"S3Bucket": "b", "S3ObjectKey": "k", **polling})
    declared = pipeline()
    declared["stages"][0]["actions"] = [source]
    refused(declared, "PollForSourceChanges")


@pytest.mark.parametrize("member", ["onFailure", "onSuccess", "beforeEntry", "blockers"])
def test_conditions_of_a_stage_are_refused_by_name(member: str) -> None:
    refused(
        pipeline({**stage("Work"), member: {"result": "ROLLBACK"}}),
        "InvalidStageDeclarationException",
        member,
    )


def test_namespace_has_to_be_known_before_it_is_used() -> None:
    made = action("make", namespace="Made")
    used = action("use", configuration={"FunctionName": "f", "UserParameters": "#{Made.id}"}, runOrder=2)
    check(pipeline(stage("Work", made, used)), REGION)
    refused(pipeline(stage("Work", made, {**used, "runOrder": 1})), "#{Made.id}", "UserParameters")
    refused(pipeline(stage("Work", used)), "#{Made.id}")


def test_variables_of_the_pipeline_have_to_be_declared() -> None:
    used = action("use", configuration={"FunctionName": "f", "UserParameters": "#{variables.COMMIT}"})
    refused(pipeline(stage("Work", used)), "#{variables.COMMIT}")
    check(pipeline(stage("Work", used), variables=[{"name": "COMMIT"}]), REGION)


def test_namespaces_are_unique() -> None:
    twice = [action(name, namespace="Same") for name in ("a", "b")]
    refused(pipeline(stage("Work", *twice)), "namespace Same is taken")


def test_version_1_has_no_modes_variables_or_triggers() -> None:
    refused(pipeline(pipelineType="V1", executionMode="QUEUED"), "pipelineType V2")


def test_trigger_is_of_a_connection() -> None:
    trigger = {"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source"}}
    refused(pipeline(triggers=[trigger]), "Source is no CodeStarSourceConnection action")


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"pullRequest": [{"events": ["OPEN"]}]}, "pullRequest"),
        ({"push": [{"tags": {"includes": ["v*"]}}]}, "tags"),
        ({"push": [{"filePaths": {"includes": ["**"]}}]}, "filePaths need branches"),
    ],
)
def test_trigger_that_would_never_start_anything_is_refused(filters: dict[str, Any], words: str) -> None:
    git = {"sourceActionName": "Source", **filters}
    declared = pipeline(triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": git}])
    declared["stages"][0]["actions"] = [action("Source", "CodeStarSourceConnection")]
    refused(declared, words)


def test_other_regions_are_refused() -> None:
    declared = pipeline()
    store = declared.pop("artifactStore")
    refused({**declared, "artifactStores": {REGION: store, "us-east-1": store}}, "us-east-1")
    check({**declared, "artifactStores": {REGION: store}}, REGION)
