import json
from typing import Any

import boto3
import pytest

from lambdas.edge import check_inspector, find_running_model, start_inspector_rollout

EVENT = {
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Inspector Published",
    "detail": {"component": "com.edgeline.inspector", "version": "1.0.8", "git_commit": "abc"},
}
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/2"
COMPONENTS = "arn:aws:greengrass:eu-west-1:123456789012:components"
GROUP = "arn:aws:iot:eu-west-1:123456789012:thinggroup/edgeline-prod"


class Missing(Exception):  # noqa: N818
    pass


class Exists(Exception):  # noqa: N818
    pass


class FakeGreengrass:
    """One thing group's deployments, oldest first, and the components that there are, by ARN."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ResourceNotFoundException = Missing

    def __init__(self) -> None:
        self.deployments: list[dict[str, Any]] = []
        self.components: dict[str, dict[str, Any]] = {}

    def list_deployments(self, targetArn: str, historyFilter: str) -> dict[str, Any]:  # noqa: N803
        assert (targetArn, historyFilter) == (GROUP, "LATEST_ONLY")
        return {"deployments": self.deployments[-1:]}

    def get_deployment(self, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        return next(found for found in self.deployments if found["deploymentId"] == deploymentId)

    def describe_component(self, arn: str) -> dict[str, Any]:
        if arn not in self.components:
            raise Missing
        return self.components[arn]


class FakeTable:
    def __init__(self) -> None:
        self.turn: dict[str, Any] | None = None
        self.joined: list[dict[str, Any]] = []

    def Table(self, name: str) -> "FakeTable":  # noqa: N802 - as boto3 names it
        assert name == "turns"
        return self

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert Key == {"line": "rollout of tags", "entry": "turn"}
        assert ConsistentRead
        return {"Item": self.turn} if self.turn else {}

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.joined.append(Item)


class FakeStates:
    class exceptions:  # noqa: N801 - as boto3 names it
        ExecutionAlreadyExists = Exists

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        if name in self.started:
            raise Exists
        self.started[name] = json.loads(input)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    clients = {"greengrassv2": FakeGreengrass(), "stepfunctions": FakeStates(), "dynamodb": FakeTable()}
    monkeypatch.setattr(boto3, "client", lambda service: clients[service])
    monkeypatch.setattr(boto3, "resource", lambda service: clients[service])
    for name, value in {
        "STATE_MACHINE_ARN": "arn:stateMachine:rollout",
        "TURNS_TABLE": "turns",
        "MODEL": "tags",
        "COMPONENT_PREFIX": "com.edgeline.model.",
        "INSPECTOR_ARN": f"{COMPONENTS}:com.edgeline.inspector:versions:1.0.8",
        "INSPECTOR_PIPELINE": "edgeline-inspector",
    }.items():
        monkeypatch.setenv(name, value)
    return clients


def test_before_any_model_has_been_rolled_out_nothing_is(aws: dict[str, Any]) -> None:
    answer = start_inspector_rollout.handler(EVENT, None)
    assert answer == {"execution": None, "started": False}
    assert aws["stepfunctions"].started == {}
    assert aws["dynamodb"].joined == []


def test_a_published_inspector_goes_behind_the_latest_rollout_and_before_no_later_one(
    aws: dict[str, Any],
) -> None:
    aws["dynamodb"].turn = {"latest": "2026-11-21T12:00:00.000Z", "holder": "another"}
    assert start_inspector_rollout.handler(EVENT, None)["started"]
    assert not start_inspector_rollout.handler(EVENT, None)["started"], "the same event again"
    ((name, document),) = aws["stepfunctions"].started.items()
    assert name.startswith("inspector-1-0-8-")
    assert (document["model"], document["model_package_arn"]) == ("tags", None)
    assert document["turn"] == {"line": "rollout of tags", "order": "2026-11-21T12:00:00.000Z"}
    assert aws["dynamodb"].joined[0]["execution"] == f"arn:execution:rollout:{name}"


def deployed(aws: dict[str, Any], **components: str) -> None:
    aws["greengrassv2"].deployments.append(
        {
            "deploymentId": "latest",
            "components": {
                f"com.edgeline.{name.replace('_', '.')}": {"componentVersion": version}
                for name, version in components.items()
            },
        }
    )


def find() -> str | None:
    return find_running_model.handler({"model": "tags", "group_arn": GROUP}, None)


def test_the_model_that_runs_is_the_package_that_its_component_was_made_of(aws: dict[str, Any]) -> None:
    deployed(aws, inspector="1.0.7", model_tags="1.0.2")
    arn = f"{COMPONENTS}:com.edgeline.model.tags:versions:1.0.2"
    aws["greengrassv2"].components[arn] = {"tags": {"model-package": PACKAGE}}
    assert find() == PACKAGE


def test_a_group_without_a_deployment_and_one_without_a_model_run_none(aws: dict[str, Any]) -> None:
    assert find() is None
    deployed(aws, inspector="1.0.7", model_pcb="1.0.1")
    assert find() is None


@pytest.mark.parametrize("state", [None, "REQUESTED", "FAILED"])
def test_an_inspector_that_cannot_be_deployed_is_refused_with_who_publishes_it(
    aws: dict[str, Any], state: str | None
) -> None:
    if state is not None:
        arn = f"{COMPONENTS}:com.edgeline.inspector:versions:1.0.8"
        aws["greengrassv2"].components[arn] = {"status": {"componentState": state}}
    with pytest.raises(check_inspector.InspectorNotPublished) as refusal:
        check_inspector.handler({}, None)
    said = str(refusal.value)
    assert f"1.0.8 is {state or 'not there'}; the pipeline edgeline-inspector publishes it" in said


def test_a_published_inspector_is_found(aws: dict[str, Any]) -> None:
    arn = f"{COMPONENTS}:com.edgeline.inspector:versions:1.0.8"
    aws["greengrassv2"].components[arn] = {"status": {"componentState": "DEPLOYABLE"}}
    assert check_inspector.handler({}, None) == {"arn": arn}
