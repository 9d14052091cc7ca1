"""Where a definition may stand, and what asl-validator says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.assembly import Assembly
from checks.state_machines import check

Assembled = Callable[..., Assembly]
HASH = "0123456789abcdef" * 4


def machine(following: str = "Done") -> str:
    states = {"Wait": {"Type": "Wait", "Seconds": 1, "Next": following}, "Done": {"Type": "Succeed"}}
    return json.dumps({"StartAt": "Wait", "States": states})


def placed(definition: str) -> list[dict[str, Any]]:
    half = len(definition) // 2
    return [
        {"DefinitionString": definition},
        {"DefinitionString": {"Fn::Join": ["", [definition[:half], definition[half:]]]}},
        {"DefinitionString": {"Fn::Sub": definition}},
        {"Definition": json.loads(definition)},
        {"DefinitionS3Location": {"Bucket": {"Fn::Sub": "assets-${AWS::Region}"}, "Key": f"{HASH}.json"}},
    ]


@pytest.mark.parametrize("place", range(5))
def test_a_dangling_next_is_caught_wherever_the_definition_stands(
    assembled: Assembled, tmp_path: Path, place: int
) -> None:
    for definition, wrong in ((machine(), 0), (machine("Nowhere"), 2)):
        (tmp_path / f"asset.{HASH}.json").write_text(definition)
        found = check(assembled("AWS::StepFunctions::StateMachine", placed(definition)[place]))
        assert len(found) == wrong
        assert all(finding.where == "Tools/Stack/Thing0" for finding in found)


def test_substitutions_are_filled_in(assembled: Assembled) -> None:
    given = {"DefinitionString": machine("${next}"), "DefinitionSubstitutions": {"next": "Done"}}
    assert check(assembled("AWS::StepFunctions::StateMachine", given)) == []


def test_errors_of_several_machines_are_all_shown(assembled: Assembled) -> None:
    unknown = machine().replace('"Succeed"', '"Success"')
    found = check(
        assembled(
            "AWS::StepFunctions::StateMachine",
            {"DefinitionString": unknown},
            {"DefinitionString": machine("Nowhere")},
            {"DefinitionString": "{"},
            {"DefinitionS3Location": {"Bucket": "b", "Key": "nowhere.json"}},
            {},
        )
    )
    assert {finding.where for finding in found} == {f"Tools/Stack/Thing{index}" for index in range(5)}
