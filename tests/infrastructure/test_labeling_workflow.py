"""The labeling state machine: what follows on what, what it may not carry, how long its history gets."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from labeling_part import templates
from machines import actions_of, defects, definition_in, statements_in

from config import Edgeline
from stacks.serving_stack import ServingStack

ROOT = Path(__file__).parents[2]
ROUNDS = {"Label": "Verify", "Verify": "Collect answers", "Settle": "Collect decisions"}
EVENTS_OF_AN_ATTEMPT = 4  # scheduled, started, submitted, failed
MOST_EVENTS = 25_000


def configured(parts: list[str] | None = None, **labeling: Any) -> Edgeline:
    values: dict[str, Any] = {
        "name": "edgeline",
        "labeling": {"max_rounds": 2, "round_timeout_hours": 5, **labeling},
        "models": {
            "tags": {"task": "detection", "classes": ["scratch"]},
            "pcb": {
                "task": "detection",
                "classes": ["open", "short"],
                "prod": {"kind": "components", "instance_type": "ml.m5.large"},
            },
        },
    }
    return Edgeline.from_values({**values, **({"parts": parts} if parts else {})})


def synthesized(config: Edgeline) -> dict[str, Any]:
    return templates(config)["Labeling"]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return synthesized(configured())


@pytest.fixture(scope="module")
def states(template: dict[str, Any]) -> dict[str, Any]:
    return states_of(template)


def states_of(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition_in(template, holding="Write labels")["States"]
    return found


def functions(template: dict[str, Any], handler: str) -> list[dict[str, Any]]:
    found = (
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    )
    return [one for one in found if one["Handler"] == f"lambdas.labeling.{handler}.handler"]


def test_the_state_machine_is_whole(template: dict[str, Any]) -> None:
    assert defects(definition_in(template, holding="Write labels")) == []


def test_labels_are_written_after_each_round_and_what_is_left_goes_on(states: dict[str, Any]) -> None:
    order = ["Find images without a label", "Suggest boxes", "Label", "Verify", "Collect answers", "Settle"]
    assert [states[name]["Next"] for name in order] == [
        "Anything to label?", "Label", "Verify", "Collect answers", "Write labels", "Collect decisions",
    ]  # fmt: skip
    assert states["Collect decisions"]["Next"] == "Write labels"
    first = states["Anything to label?"]
    assert (first["Choices"][0]["Next"], first["Default"]) == ("Suggest boxes", "Write labels")
    left = states["Anything left?"]
    assert [(one["Variable"], one["Next"]) for one in left["Choices"]] == [
        ("$.count", "Label"), ("$.disputed", "Settle"),
    ]  # fmt: skip
    assert (left["Default"], states["Done"]["OutputPath"]) == ("Done", "$.result")


def test_a_round_takes_as_many_images_as_configured() -> None:
    states = states_of(synthesized(configured(round_size=1234)))
    assert states["Find images without a label"]["Parameters"]["limit"] == 1234


def test_a_round_ends_in_time_and_goes_on_as_far_as_it_came(states: dict[str, Any]) -> None:
    for name, following in ROUNDS.items():
        assert states[name]["TimeoutSeconds"] == 5 * 3600
        assert states[name]["Resource"].endswith("lambda:invoke.waitForTaskToken")
        first, rest = states[name]["Catch"]
        assert (first["ErrorEquals"], first["Next"]) == (["States.Timeout"], following)
        assert (rest["ErrorEquals"], rest["Next"]) == (["States.ALL"], f"{name} failed")


def test_a_round_that_waits_for_people_is_never_opened_again_for_having_waited(
    states: dict[str, Any],
) -> None:
    for name in ROUNDS:
        retried = {error for rule in states[name]["Retry"] for error in rule["ErrorEquals"]}
        assert "OutOfTime" in retried
        assert not retried & {"States.Timeout", "States.ALL", "States.TaskFailed"}


def test_lists_do_not_travel_in_the_state(states: dict[str, Any]) -> None:
    names = {
        "execution.$", "model.$", "classes.$", "round.$", "suggestions.$",
        "kind", "token.$", "limit", "settled",
    }  # fmt: skip
    given = [state["Parameters"] for state in states.values() if "Parameters" in state]
    assert len(given) == 8
    for parameters in given:
        assert set(parameters.get("Payload", parameters)) - {"FunctionName"} <= names


def test_no_number_of_tasks_makes_a_history_long() -> None:
    """No state maps over tasks, and few are entered again in each round: the longest history of all."""
    rounds, again = 10, ("Label", "Verify", "Collect answers", "Write labels", "Anything left?")
    states = states_of(synthesized(configured(max_rounds=rounds, round_size=10_000, annotators=5)))
    assert {state["Type"] for state in states.values()} == {"Task", "Choice", "Succeed", "Fail"}
    longest = sum(most_events(state) * (rounds if name in again else 1) for name, state in states.items())
    longest += most_events(states["Write labels"]) + most_events(states["Anything left?"])  # after settling
    assert longest < MOST_EVENTS / 2


def most_events(state: dict[str, Any]) -> int:
    """Those of entering and leaving a state, and of every attempt at it."""
    attempts = 0
    if state["Type"] == "Task":
        attempts = 1 + int(sum(rule["MaxAttempts"] for rule in state["Retry"]))
    return 2 + EVENTS_OF_AN_ATTEMPT * attempts


def test_whatever_becomes_of_the_suggestions_people_are_asked(states: dict[str, Any]) -> None:
    suggest = states["Suggest boxes"]
    assert suggest["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.suggestions", "Next": "Label"}
    ]
    assert suggest["ResultPath"] == "$.suggestions"
    found = states["Find images without a label"]["ResultSelector"]
    assert found["suggestions"] == {"suggested": 0, "of": 0, "reason": "nobody was asked"}


@pytest.mark.parametrize(
    "config",
    [configured(suggest=False), configured(parts=["labeling", "training"])],
    ids=["not wanted", "no prod to ask"],
)
def test_without_suggestions_nothing_of_them_is_deployed(config: Edgeline) -> None:
    template = synthesized(config)
    assert states_of(template)["Anything to label?"]["Choices"][0]["Next"] == "Label"
    assert functions(template, "suggest_boxes") == []


def test_the_suggesting_function_knows_the_endpoints_and_may_only_become_prods_suggester(
    template: dict[str, Any],
) -> None:
    [function] = functions(template, "suggest_boxes")
    assert json.loads(function["Environment"]["Variables"]["ENDPOINTS"]) == {
        "tags": {"endpoint": "edgeline-tags-prod", "component": None, "at_once": 2, "bytes": 4_000_000},
        "pcb": {
            "endpoint": "edgeline-pcb-prod",
            "component": "edgeline-pcb-prod",
            "at_once": 1,
            "bytes": 6_000_000,
        },
    }
    own = [one for name, one in statements_in(template) if name.startswith("SuggestionsSuggestBoxes")]
    actions = {action for statement in own for action in actions_of(statement)}
    assert not {action for action in actions if action.startswith("sagemaker:")}
    [assume] = [statement for statement in own if "sts:AssumeRole" in actions_of(statement)]
    assert json.dumps(assume["Resource"]).endswith('role/edgeline-prod-suggester"]]}')


@pytest.mark.parametrize(
    ("environment", "config", "there"),
    [
        ("prod", configured(), True),
        ("prod", configured(suggest=False), False),
        ("staging", configured(), False),
    ],
)
def test_prod_lets_the_suggesting_function_ask_and_look_and_nothing_else(
    environment: Any, config: Edgeline, there: bool
) -> None:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    stack = ServingStack(app, "Serving", config=config, environment=environment)
    template = assertions.Template.from_stack(stack).to_json()
    own = [one for name, one in statements_in(template) if name.startswith("Suggester")]
    actions = {action for statement in own for action in actions_of(statement)}
    expected = {"InvokeEndpoint", "DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel"}
    expected |= {"DescribeInferenceComponent"}
    assert actions == ({f"sagemaker:{name}" for name in expected} if there else set())


def test_a_number_of_waiting_pictures_starts_labeling_where_one_is_configured(
    template: dict[str, Any],
) -> None:
    assert functions(template, "start_at_threshold") == []
    watching = synthesized(configured(start_at_images=500))
    [function] = functions(watching, "start_at_threshold")
    variables = function["Environment"]["Variables"]
    assert (variables["START_AT_IMAGES"], variables["MODELS"]) == ("500", '["tags", "pcb"]')
    rules = [r["Properties"] for r in watching["Resources"].values() if r["Type"] == "AWS::Events::Rule"]
    assert "rate(5 minutes)" in [rule.get("ScheduleExpression") for rule in rules]
