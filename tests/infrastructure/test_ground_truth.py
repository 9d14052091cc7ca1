"""The Labeling stack with Ground Truth as its backend: the machine, the jobs' role, and who may make jobs."""

import json
import re
from typing import Any

import pytest
from labeling_part import templates
from machines import actions_of, defects, definition_in, holders_of, statements_in

from config import Edgeline
from lambdas.common.environment import variables
from lambdas.labeling import collect_labeling_jobs, prepare_labeling_job
from stacks.constructs.python_function import SDK_ENVIRONMENT

PRIVATE = "arn:aws:sagemaker:eu-west-1:111122223333:workteam/private-crowd/inspectors"
VENDOR = "arn:aws:sagemaker:eu-west-1:444455556666:workteam/vendor-crowd/somebody"
TEAMS = {"workteam_arn": PRIVATE, "verification_workteam_arn": VENDOR}


@pytest.fixture(scope="module")
def stacks() -> dict[str, dict[str, Any]]:
    labeling = {"backend": "ground_truth", "max_rounds": 2, "round_timeout_hours": 5, "ground_truth": TEAMS}
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": "edgeline", "labeling": labeling, "models": models})
    return templates(config)


@pytest.fixture(scope="module")
def template(stacks: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return stacks["Labeling"]


@pytest.fixture(scope="module")
def states(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition_in(template, holding="Label")["States"]
    return found


def test_the_state_machine_is_whole(template: dict[str, Any]) -> None:
    assert defects(definition_in(template, holding="Label")) == []


def test_a_round_is_two_jobs_and_what_is_left_has_another(states: dict[str, Any]) -> None:
    order = ["Prepare: Label", "Label", "Prepare: Verify", "Verify", "Collect jobs", "Write labels"]
    assert [states[name]["Next"] for name in order] == [
        "Anything to draw?", "Prepare: Verify", "Anything to verify?", "Collect jobs", "Write labels",
        "Anything left?",
    ]  # fmt: skip
    left = states["Anything left?"]
    assert (left["Choices"][0]["Next"], left["Default"]) == ("Prepare: Label", "Done")
    asked = {name: (state["Choices"][0]["Next"], state["Default"]) for name, state in states.items()
             if name in ("Anything to draw?", "Anything to verify?")}  # fmt: skip
    assert asked == {
        "Anything to draw?": ("Label", "Prepare: Verify"), "Anything to verify?": ("Verify", "Collect jobs"),
    }  # fmt: skip


@pytest.mark.parametrize(("name", "following"), [("Label", "Prepare: Verify"), ("Verify", "Collect jobs")])
def test_a_job_that_ends_early_goes_on_as_far_as_it_came(
    states: dict[str, Any], name: str, following: str
) -> None:
    assert states[name]["Resource"].endswith(":states:::sagemaker:createLabelingJob.sync")
    assert states[name]["ResultPath"] == f"$.{name.lower()}.job", "what else is known goes on"
    assert states[name]["TimeoutSeconds"] == 6 * 3600, "an hour more than its tasks are offered"
    timeout, refused, ended = states[name]["Catch"]
    assert (timeout["ErrorEquals"], timeout["Next"]) == (["States.Timeout"], f"Stop: {name}")
    assert "SageMaker.AmazonSageMakerException" in refused["ErrorEquals"]
    assert refused["Next"] == f"{name} failed"
    assert (ended["ErrorEquals"], ended["Next"]) == (["States.TaskFailed"], following)
    assert states[f"Stop: {name}"]["Next"] == following
    assert [catch["Next"] for catch in states[f"Stop: {name}"]["Catch"]] == [following]


def test_a_request_is_passed_whole_and_nothing_of_it_is_in_the_template(states: dict[str, Any]) -> None:
    given = states["Label"]["Parameters"]
    assert given["HumanTaskConfig.$"] == "$.label.request.HumanTaskConfig"
    assert all(key.endswith(".$") for key in given)


def test_jobs_that_still_stop_are_waited_for(states: dict[str, Any]) -> None:
    [waits] = [rule for rule in states["Collect jobs"]["Retry"] if rule["ErrorEquals"] == ["JobNotOver"]]
    assert waits["IntervalSeconds"] * waits["MaxAttempts"] == 3600


def test_the_machine_makes_jobs_for_these_teams_only_and_hands_over_one_role(
    template: dict[str, Any],
) -> None:
    [made] = [s for _, s in statements_in(template) if "sagemaker:CreateLabelingJob" in actions_of(s)]
    assert made["Condition"] == {"ArnEquals": {"sagemaker:WorkteamArn": [PRIVATE, VENDOR]}}
    assert json.dumps(made["Resource"]).endswith(':labeling-job/edgeline-*"]]}')
    [passed] = [
        s for _, s in statements_in(template)
        if "iam:PassRole" in actions_of(s) and "GroundTruthRole" in json.dumps(s["Resource"])
    ]  # fmt: skip
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize(
    ("action", "holders"),
    [
        ("sagemaker:CreateLabelingJob", {"WorkflowStateMachineRoleDefaultPolicy"}),
        ("sagemaker:StopLabelingJob", {"WorkflowStateMachineRoleDefaultPolicy"}),
        ("sagemaker:PutRecord", {"FunctionsWriteLabelsRoleDefaultPolicy"}),
    ],
)
def test_who_may_do_what(template: dict[str, Any], action: str, holders: set[str]) -> None:
    assert holders_of(template, action) == holders


def test_the_jobs_read_pictures_and_write_beside_the_execution_only(template: dict[str, Any]) -> None:
    own = [s for name, s in statements_in(template) if name.startswith("GroundTruthRoleDefaultPolicy")]
    [put] = [s for s in own if "s3:PutObject" in actions_of(s)]
    assert json.dumps(put["Resource"]).endswith('/labeling/*"]]}')
    reads = json.dumps([s["Resource"] for s in own if "s3:GetObject" in actions_of(s)])
    assert set(re.findall(r'"/([a-z]+/[*])"', reads)) == {"images/*", "labeling/*"}
    assert {action for s in own for action in actions_of(s)}.isdisjoint(
        {"s3:DeleteObject", "kms:CreateGrant"}
    )


def test_the_functions_are_given_what_they_read(template: dict[str, Any]) -> None:
    for module, name in ((prepare_labeling_job, "Prepare"), (collect_labeling_jobs, "Collect")):
        [function] = [
            resource["Properties"] for key, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function" and key.startswith(f"GroundTruth{name}Labeling")
        ]  # fmt: skip
        assert function["Handler"] == f"{module.__name__}.handler"
        given = set(function["Environment"]["Variables"]) - set(SDK_ENVIRONMENT)
        assert given == variables(module.Environment)


def test_workers_browsers_may_read_pictures_by_their_links(stacks: dict[str, dict[str, Any]]) -> None:
    with_rules = {
        name: resource["Properties"]["CorsConfiguration"]["CorsRules"]
        for name, resource in stacks["Data"]["Resources"].items()
        if "CorsConfiguration" in resource.get("Properties", {})
    }
    assert [(name[:6], rules[0]["AllowedMethods"]) for name, rules in with_rules.items()] == [
        ("Images", ["GET"])
    ]
