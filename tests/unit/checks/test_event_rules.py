"""Rules against the known events, and the known events against real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from checks.assembly import Assembly
from checks.event_rules import check
from checks.intrinsics import Resolver
from checks.known_events import has_path, known_events

Assembled = Callable[..., Assembly]
REAL = sorted((Path(__file__).parents[2] / "fixtures/events").glob("*.json"))
REPOSITORY = "arn:aws:codecommit:eu-west-1:111122223333:edgeline"


def rule(**pattern: Any) -> dict[str, Any]:
    return {"EventPattern": {key.replace("_", "-"): value for key, value in pattern.items()}}


@pytest.mark.parametrize(
    "pattern",
    [
        rule(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"object": {"key": [{"prefix": "images/"}]}},
        ),
        rule(source=["aws.s3"], detail={"object": {"size": [{"numeric": [">", 0, "<", 5000]}]}}),
        rule(
            source=["aws.codecommit"],
            resources=[REPOSITORY],
            detail={"event": ["referenceUpdated"], "referenceType": ["branch"], "referenceName": ["main"]},
        ),
        rule(source=["aws.states"], detail={"status": [{"anything-but": ["RUNNING", "SUCCEEDED"]}]}),
        rule(
            source=["aws.codepipeline"], detail={"state": ["FAILED"], "pipeline": [{"prefix": "edgeline-"}]}
        ),
        rule(source=["edgeline"], detail_type=["Model Promoted"], detail={"model": ["tags"]}),
        rule(detail_type=["Inspector Published"]),
    ],
    ids=str,
)
def test_a_rule_that_some_event_matches_is_fine(assembled: Assembled, pattern: dict[str, Any]) -> None:
    assert check(assembled("AWS::Events::Rule", pattern)) == []


@pytest.mark.parametrize(
    ("pattern", "path", "says"),
    [
        (rule(source=["aws.sagemakr"]), "source", "write 'aws.sagemaker'"),
        (rule(source=["edgelin"]), "source", "write 'edgeline'"),
        (
            rule(source=["aws.s3"], detail_type=["Model Promoted"]),
            "detail-type",
            "no known event of ['aws.s3']",
        ),
        (rule(source=["aws.s3"], detail={"objct": {"key": ["a"]}}), "detail.objct.key", "has this key"),
        (rule(source=["aws.s3"], detail={"object": {"keys": ["a"]}}), "detail.object.keys", "write key"),
        (
            rule(source=["aws.states"], detail={"status": ["SUCEEDED"]}),
            "detail.status",
            "no event has any of",
        ),
        (
            rule(source=["aws.codecommit"], resources=["arn:aws:s3:::edgeline"]),
            "resources",
            "but ['arn:aws:codecommit:<region>",
        ),
        (
            rule(source=["aws.codecommit"], detail={"event": ["push"]}),
            "detail.event",
            "no event has any of",
        ),
        (rule(source="aws.s3"), "source", "EventBridge refuses it"),
    ],
    ids=str,
)
def test_a_rule_that_no_event_can_match_is_an_error(
    assembled: Assembled, pattern: dict[str, Any], path: str, says: str
) -> None:
    (found,) = check(assembled("AWS::Events::Rule", pattern))
    assert found.where == f"Tools/Stack/Thing0 {path}"
    assert says in str(found)


def test_every_wrong_key_is_named(assembled: Assembled) -> None:
    pattern = rule(source=["aws.s3"], detail={"buckets": {"name": ["b"]}, "object": {"kee": ["a"]}})
    assert len(check(assembled("AWS::Events::Rule", pattern))) == 2


def test_a_schedule_needs_no_event(assembled: Assembled) -> None:
    assert check(assembled("AWS::Events::Rule", {"ScheduleExpression": "rate(1 day)"})) == []


def paths(value: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, list):
        return [path for entry in value for path in paths(entry, above)] or [above]
    if isinstance(value, Mapping) and value:
        return [path for key, entry in value.items() for path in paths(entry, (*above, key))]
    return [above]


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_a_real_event_has_no_key_that_the_known_one_lacks(file: Path) -> None:
    real = json.loads(file.read_text())
    known = [event for event in known_events().values() if event["detail-type"] == real["detail-type"]]
    assert known
    assert [path for path in paths(real) if not any(has_path(event, path) for event in known)] == []


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_a_rule_for_exactly_a_real_event_is_fine(assembled: Assembled, file: Path) -> None:
    real = json.loads(file.read_text())
    detail = {key: [value] for key, value in real["detail"].items() if isinstance(value, str | int)}
    whole = rule(
        source=[real["source"]], detail_type=[real["detail-type"]], resources=real["resources"], detail=detail
    )
    assert check(assembled("AWS::Events::Rule", whole)) == []


def test_the_app_emits_its_events_as_they_are_described(app_assembly: Assembly) -> None:
    resolver = Resolver(app_assembly)
    emitted = {}
    for machine in app_assembly.resources("AWS::StepFunctions::StateMachine"):
        definition = json.loads(resolver.resolve(machine.stack, machine.properties["DefinitionString"]))
        for state in definition["States"].values():
            if str(state.get("Resource", "")).endswith(":events:putEvents"):
                (entry,) = state["Parameters"]["Entries"]
                emitted[entry["DetailType"]] = {key.removesuffix(".$") for key in entry["Detail"]}
    described = {event["detail-type"]: set(event["detail"]) for event in known_events().values()}
    assert emitted
    assert {name: described[name] for name in emitted} == emitted
