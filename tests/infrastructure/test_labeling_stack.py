import dataclasses
import json
from typing import Any

import pytest
from labeling_part import templates
from machines import actions_of, holders_of, statements_in

from config import Edgeline
from lambdas.labeling.tasks import QUEUE_INDEX


def synthesized(schedule: str | None) -> dict[str, Any]:
    config = Edgeline.from_values(
        {
            "name": "edgeline",
            "labeling": {"max_rounds": 2, "round_timeout_hours": 5},
            "models": {
                "tags": {"task": "detection", "classes": ["scratch"]},
                "pcb": {"task": "detection", "classes": ["open", "short"]},
            },
        }
    )
    labeling = dataclasses.replace(config.labeling, schedule=schedule)
    config = dataclasses.replace(config, labeling=labeling)
    return templates(config)["Labeling"]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return synthesized("rate(1 day)")


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def test_the_index_of_tasks_has_all_that_they_are_chosen_by(template: dict[str, Any]) -> None:
    [table] = properties(template, "AWS::DynamoDB::Table")
    [index] = [one for one in table["GlobalSecondaryIndexes"] if one["IndexName"] == QUEUE_INDEX]
    keys = {one["AttributeName"] for one in index["KeySchema"]}
    chosen_by = {"labeled_by", "lessee", "available_at", "queue", "execution"}
    assert keys | set(index["Projection"]["NonKeyAttributes"]) == chosen_by


def test_the_ledger_outlives_the_stack_and_can_be_restored(template: dict[str, Any]) -> None:
    [(name, table)] = [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]
    assert name == "WorkbenchTasks666C9812"
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["SSESpecification"]["SSEEnabled"] is True
    assert table["Properties"]["DeletionProtectionEnabled"] is True
    index, images = table["Properties"]["GlobalSecondaryIndexes"]
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    assert (index["IndexName"], keys) == ("Queue", ["queue", "available_at"])
    assert set(index["Projection"]["NonKeyAttributes"]) == {"labeled_by", "lessee", "execution"}
    keys = [key["AttributeName"] for key in images["KeySchema"]]
    assert (images["IndexName"], keys) == ("Images", ["images", "turn"])


@pytest.mark.parametrize(
    ("action", "holders"),
    [
        ("sagemaker:PutRecord", {"FunctionsWriteLabelsRoleDefaultPolicy"}),
        (
            "states:DescribeExecution",
            {
                "FunctionsAsksForExecutions",
                "OperatorPolicy",
                "PipelineTagsRoleDefaultPolicy",
                "PipelinePcbRoleDefaultPolicy",
                "RoundCloserCloseRoundsRoleDefaultPolicy",
                "SupervisionServeSupervisionRoleDefaultPolicy",
            },
        ),
        (
            "states:SendTaskSuccess",
            {"FunctionsCompletesRounds", "SupervisionServeSupervisionRoleDefaultPolicy"},
        ),
        ("dynamodb:DeleteItem", set()),
    ],
)
def test_who_may_do_what(template: dict[str, Any], action: str, holders: set[str]) -> None:
    assert holders_of(template, action) == holders


def test_no_statement_allows_a_whole_service(template: dict[str, Any]) -> None:
    actions = [action for _, statement in statements_in(template) for action in actions_of(statement)]
    assert not [action for action in actions if action == "*" or action.endswith(":*")]


def test_the_schedule_starts_the_pipeline_and_it_an_execution_for_each_model(
    template: dict[str, Any],
) -> None:
    [rule] = schedules_of_the_pipeline(template)
    assert rule["ScheduleExpression"] == "rate(1 day)"
    [target] = rule["Targets"]
    assert json.dumps(target["Arn"]).endswith(':edgeline-labeling"]]}')
    [pipeline] = properties(template, "AWS::CodePipeline::Pipeline")
    actions = pipeline["Stages"][1]["Actions"]
    assert [json.loads(action["Configuration"]["Input"]) for action in actions] == [
        {"model": "tags"},
        {"model": "pcb"},
    ]
    assert {action["RunOrder"] for action in actions} == {1}, "in parallel"


def test_without_a_schedule_nothing_starts_by_itself() -> None:
    assert schedules_of_the_pipeline(synthesized(None)) == []


def schedules_of_the_pipeline(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        rule
        for rule in properties(template, "AWS::Events::Rule")
        if ":edgeline-labeling" in json.dumps(rule["Targets"])
    ]


def test_the_outputs_are_what_the_people_need(template: dict[str, Any]) -> None:
    outputs = {"StateMachineArn", "LabelingPipeline", "ApiUrl", "UserPoolId", "OperatorPolicyArn"}
    assert outputs <= template["Outputs"].keys()


def test_rounds_are_closed_where_an_execution_is_given_up_and_not_where_it_may_be_redriven(
    template: dict[str, Any],
) -> None:
    [pattern] = [
        resource["Properties"]["EventPattern"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Events::Rule" and name.startswith("RoundCloser")
    ]
    assert pattern["detail"]["status"] == ["ABORTED", "TIMED_OUT"]
    [machine] = pattern["detail"]["stateMachineArn"]
    assert machine["Ref"].startswith("WorkflowStateMachine")
