"""The state machine that releases a parent and its children together."""

import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from machines import actions_of, defects, definition_in, statements_in, ways_on

from config import Edgeline
from lambdas.common.environment import variables
from lambdas.promotion.release_set import PHASES
from stacks.constructs.python_function import SDK_ENVIRONMENT
from stacks.constructs.tree_release import release_time
from stacks.data_stack import DataStack
from stacks.promotion_stack import PromotionStack

ROOT = Path(__file__).parents[2]
COMPONENTS = {"kind": "components", "instance_type": "ml.c6i.large"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {
        "species": {"task": "classification", "prod": COMPONENTS},
        "flowers": {"task": "classification", "parent": "species", "classes": ["daffodil", "tulip"]},
        "tags": {"task": "detection", "classes": ["scratch"]},
    }
    config = Edgeline.from_values({"name": "edgeline", "models": models})
    data = DataStack(app, "Data", config=config)
    stack = PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return definition_in(template, holding="Check tree")


def one_member(definition: dict[str, Any], start: str, to: str, **answers: str) -> list[str]:
    """Follow what goes well, each loop over the members once; `answers` are what choices compare with."""
    states, passed, seen = definition["States"], [start], Counter[str]()
    while passed[-1] != to:
        state = states[passed[-1]]
        seen[passed[-1]] += 1
        assert seen[passed[-1]] < 4, passed
        following = state.get("Next", state.get("Default"))
        for rule in state.get("Choices", []):
            entered = rule.get("Variable") == "$.set.more" and seen[passed[-1]] == 1
            if entered or rule.get("StringEquals") in ("mine", "ready", *answers.values()):
                following = rule["Next"]
                break
        passed.append(following)
    return [name for name in passed if not name.startswith(("Next to", "Any to", "No steps", "Is "))]


def test_the_state_machine_is_whole(definition: dict[str, Any]) -> None:
    assert defects(definition) == []


def test_every_phase_that_a_state_asks_for_is_one_of_the_set(definition: dict[str, Any]) -> None:
    asked = [
        state["Parameters"]["phase"]
        for state in definition["States"].values()
        if "phase" in state.get("Parameters", {})
    ]
    assert sorted(asked) == sorted(PHASES)


def test_all_members_are_tested_in_staging_before_the_first_goes_to_prod(definition: dict[str, Any]) -> None:
    assert one_member(definition, "Take turn", "Released", purpose="promote") == [
        "Take turn",
        "Whose turn is it?",
        "Read tree",
        "Forward or back?",
        "Check tree",
        "Does it fit?",
        "Read member",
        "Check artifacts of member",
        "To staging first?",
        "Mark member in staging",
        "Deploy to staging",
        "Check staging",
        "Test member in staging",
        "Judge staging",
        "Mark member passed staging",
        "Confirm approval",
        "Check artifacts for prod",
        "Mark member in prod",
        "Deploy to prod",
        "Check prod",
        "Smoke prod",
        "Confirm approval in prod",
        "Mark member serving",
        "Record member",
        "Enter member",
        "Announce member",
        "Has staging had it?",
        "Let go of what was held",
        "Tell of release",
        "Give turn of tree back",
        "Released",
    ]


def test_a_way_back_goes_to_prod_first_and_staging_follows(definition: dict[str, Any]) -> None:
    way = one_member(definition, "Find set", "Released")
    assert way[:4] == ["Find set", "Read member", "Check artifacts of member", "To staging first?"]
    assert way.index("Deploy to prod") < way.index("Enter member") < way.index("Deploy to staging too")
    nothing = definition["States"]["Is anything to be done?"]["Default"]
    assert definition["States"][nothing]["Next"] == "Nothing to roll back"


def test_who_waits_is_recorded_told_and_no_failure(definition: dict[str, Any]) -> None:
    (held,) = definition["States"]["Does it fit?"]["Choices"]
    assert one_member(definition, held["Next"], "Held", failure="Held") == [
        "Mark failure of member",
        "Record failure of member",
        "Hold what waits",
        "Tell of what failed",
        "Give turn of tree back after failure",
        "How did it end?",
        "Held",
    ]
    assert definition["States"]["Held"]["Type"] == definition["States"]["Superseded"]["Type"] == "Succeed"


WORK = (
    "Take turn", "Read tree", "Check tree", "Find set", "Read member", "Check artifacts of member",
    "Deploy to staging", "Check staging", "Test member in staging", "Judge staging", "Confirm approval",
    "Check artifacts for prod", "Deploy to prod", "Check prod", "Smoke prod", "Confirm approval in prod",
    "Record member",
)  # fmt: skip


@pytest.mark.parametrize("state", WORK)
def test_a_failure_of_one_puts_all_back_prod_first(definition: dict[str, Any], state: str) -> None:
    (catch,) = definition["States"][state]["Catch"]
    assert catch["ResultPath"] == "$.failure"
    passed = one_member(definition, catch["Next"], "Release failed")
    assert [name for name in passed if name.startswith("Put ")] == ["Put prod back", "Put staging back"]
    assert passed[-7:] == [
        "Mark failure of member",
        "Record failure of member",
        "Hold what waits",
        "Tell of what failed",
        "Give turn of tree back after failure",
        "How did it end?",
        "Release failed",
    ]


def test_what_only_tells_of_a_release_does_not_stop_it(definition: dict[str, Any]) -> None:
    states = definition["States"]
    for name, kept in (
        ("Mark member in staging", "$.mark_failure"),
        ("Mark member serving", "$.mark_failure"),
        ("Enter member", "$.ledger_failure"),
        ("Announce member", "$.announcement_failure"),
        ("Let go of what was held", "$.ledger_failure"),
        ("Tell of release", "$.notice_failure"),
        ("Deploy to staging too", "$.staging_failure"),
    ):
        (catch,) = states[name]["Catch"]
        assert catch["ResultPath"] == kept, name
        assert name.endswith(" too") or catch["Next"] == states[name]["Next"], name


def test_a_release_that_lost_its_way_is_recovered(definition: dict[str, Any]) -> None:
    for name, state in definition["States"].items():
        if name.startswith("Next to"):
            assert [catch["Next"] for catch in state["Catch"]] == ["Release lost"], name
    assert definition["States"]["Release lost"]["Error"] == "ReleaseLost"


def test_waits_grow_since_a_history_has_an_end(definition: dict[str, Any]) -> None:
    waits = {name: state for name, state in definition["States"].items() if state["Type"] == "Wait"}
    assert len(waits) == 6
    assert all("SecondsPath" in state for state in waits.values()), waits


def test_nothing_leads_into_the_middle_of_another_member(definition: dict[str, Any]) -> None:
    """A phase is entered by asking who is next, wherever one comes from."""
    states = definition["States"]
    into = {name: {other for other, state in states.items() if name in ways_on(state)} for name in states}
    for first in ("Read member", "Mark member in staging", "Check artifacts for prod", "Mark member serving"):
        assert len(into[first]) == 1, first
        assert next(iter(into[first])).startswith("Any to"), first


def test_both_machines_are_started_and_watched_by_the_same_functions(template: dict[str, Any]) -> None:
    (end,) = [
        resource["Properties"]["EventPattern"]["detail"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Events::Rule" and "stateMachineArn" in str(resource)
    ]
    machines = [str(one) for one in end["stateMachineArn"]]
    assert [("TreeRelease" in one) for one in machines] == [False, True]
    started = [
        str(statement["Resource"])
        for name, statement in statements_in(template)
        if "states:StartExecution" in actions_of(statement) and name.startswith("StartsStart")
    ]
    assert len([one for one in started if "TreeRelease" in one]) == 3
    assert "TreeStateMachineArn" in template["Outputs"]


def test_each_function_of_a_tree_is_given_exactly_what_it_reads(template: dict[str, Any]) -> None:
    read = {}
    for resource in template["Resources"].values():
        handler = str(resource["Properties"].get("Handler", ""))
        if resource["Type"] == "AWS::Lambda::Function" and handler.startswith("lambdas.promotion."):
            module = importlib.import_module(handler.removesuffix(".handler"))
            given = set(resource["Properties"]["Environment"]["Variables"]) - SDK_ENVIRONMENT.keys()
            wanted = variables(module.Environment) if hasattr(module, "Environment") else frozenset()
            assert given == wanted, handler
            read[handler.split(".")[2]] = wanted
    assert {"read_tree", "check_tree", "find_set", "next_member", "keep_held"} <= read.keys()


@pytest.mark.parametrize(
    ("children", "bake", "hours"),
    [(0, 600, 12), (3, 600, 12), (11, 600, 36), (11, 0, 24), (20, 3600, 168)],
)
def test_there_is_time_for_a_whole_tree_and_for_the_release_before_it(
    children: int, bake: int, hours: int
) -> None:
    parent = {"task": "classification", "prod": {"bake_seconds": bake}, "classes": ["mushroom"]}
    members = {
        f"c{number}": {"task": "classification", "parent": "species", "classes": [f"class {number}"]}
        for number in range(children)
    }
    values = {"name": "edgeline", "parts": ["promotion"], "models": {**members, "species": parent}}
    config = Edgeline.from_values(values)
    assert release_time(config.trees).to_hours() == hours


def test_a_turn_lasts_as_long_as_the_machine_runs(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    told = [each["Properties"]["Environment"]["Variables"] for each in functions]
    [lease] = [each["LEASE_SECONDS"] for each in told if "LEASE_SECONDS" in each]
    assert int(lease) == definition["TimeoutSeconds"]
