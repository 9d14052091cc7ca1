"""The `[labeling]` table and the instructions of a model's classes: defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from config_labeling import GroundTruth, Instruction, Labeling, read_instructions, read_labeling
from config_table import ConfigError, Table

TEAM = "arn:aws:sagemaker:eu-west-1:111122223333:workteam/private-crowd/inspectors"
VENDOR = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/vendor-crowd/acme"
PUBLIC = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/public-crowd/default"


def labeling(**values: Any) -> Labeling:
    return read_labeling(Table("labeling.", values))


def instructions(**values: Any) -> tuple[Instruction, ...]:
    return read_instructions(Table("instructions.", values), ["scratch", "dent"])


def test_what_is_not_said_is_one_annotator_a_picture_in_rounds_of_200() -> None:
    made = labeling()
    assert made == Labeling()
    assert (made.backend, made.round_size, made.annotators, made.suggest) == ("workbench", 200, 1, True)
    assert (made.schedule, made.start_at_images, made.ground_truth) == (None, 0, None)


def test_who_verifies_in_ground_truth_is_who_labels_unless_another_team_is_named() -> None:
    alone = labeling(backend="ground_truth", ground_truth={"workteam_arn": TEAM})
    assert alone.ground_truth == GroundTruth(TEAM, TEAM)
    both = {"workteam_arn": VENDOR, "verification_workteam_arn": TEAM}
    assert labeling(backend="ground_truth", ground_truth=both).ground_truth == GroundTruth(VENDOR, TEAM)


def test_instructions_come_in_the_order_of_the_classes() -> None:
    made = instructions(
        dent={"text": "Round.\nNot a shadow."},
        scratch={"text": "A line.", "good": ["examples/tags/a.jpg"], "bad": ["images/tags/0 1.png"]},
    )
    assert [instruction.label for instruction in made] == ["scratch", "dent"]
    assert made[0].good == ("examples/tags/a.jpg",)
    assert made[0].bad == ("images/tags/0 1.png",)
    assert instructions() == ()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"schedule": "daily"}, "labeling.schedule: 'daily' does not match"),
        ({"max_rounds": 0}, "labeling.max_rounds: 0 is not between 1 and 10"),
        ({"max_rounds": 2.5}, "labeling.max_rounds: 2.5 is not a whole number"),
        ({"round_size": 9}, "labeling.round_size: 9 is not between 10 and 10000"),
        ({"annotators": 6}, "labeling.annotators: 6 is not between 1 and 5"),
        ({"consensus_iou": 0}, "labeling.consensus_iou: 0 is not between 0.1 and 0.95"),
        ({"start_at_images": -1}, "labeling.start_at_images: -1 is not between 0 and 1000000"),
        ({"suggest": 1}, "labeling.suggest: 1 is not true or false"),
        ({"price": 1}, "labeling.price: unknown key"),
        ({"ground_truth": {"workteam_arn": TEAM}}, "labeling.ground_truth: unknown key"),
        ({"backend": "ground_truth"}, "labeling.ground_truth: missing"),
        ({"backend": "ground_truth", "ground_truth": {}}, "labeling.ground_truth.workteam_arn: missing"),
        (
            {"backend": "ground_truth", "ground_truth": {"workteam_arn": PUBLIC}},
            "labeling.ground_truth.workteam_arn: a public workteam is refused: Mechanical Turk",
        ),
        (
            {"backend": "ground_truth", "ground_truth": {"workteam_arn": "inspectors"}},
            "labeling.ground_truth.workteam_arn: 'inspectors' does not match",
        ),
    ],
)
def test_a_wrong_value_of_labeling_names_its_key(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        labeling(**values)
    assert str(error.value).startswith(complaint)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"hole": {"text": "Round."}}, "instructions.hole: not a class of this model"),
        ({"dent": {"good": ["examples/a.jpg"]}}, "instructions.dent.text: missing"),
        ({"dent": {"text": "x" * 1001}}, "instructions.dent.text: "),
        ({"dent": {"text": "Round.", "good": []}}, "instructions.dent.good: [] is not a list"),
        (
            {"dent": {"text": "Round.", "bad": ["../a.jpg"]}},
            "instructions.dent.bad: '../a.jpg'",
        ),
        ({"dent": {"text": "Round.", "bad": ["examples/a.svg"]}}, "instructions.dent.bad: 'examples/a.svg'"),
        (
            {"dent": {"text": "Round.", "bad": ["examples/../a.png"]}},
            "instructions.dent.bad: 'examples/../a.png'",
        ),
        ({"dent": {"text": "Round.", "price": 1}}, "instructions.dent.price: unknown key"),
    ],
)
def test_a_wrong_instruction_names_its_key(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        instructions(**values)
    assert str(error.value).startswith(complaint)
