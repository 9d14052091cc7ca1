"""How pictures get their labels: the `[labeling]` table, and what annotators are told of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from config_table import Table

Backend = Literal["workbench", "ground_truth"]

SCHEDULE = r"(rate|cron)\(.+\)"
_WORKTEAM = r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:workteam/(private|vendor)-crowd/[A-Za-z0-9/_-]+"
_PUBLIC = "a public workteam is refused: Mechanical Turk closed for good; name a private or a vendor's one"
_PICTURE = (
    r"(examples|images)/([A-Za-z0-9_-][A-Za-z0-9_. -]*/)*[A-Za-z0-9_-][A-Za-z0-9_. -]*\.(jpe?g|png|webp)"
)
_LONGEST_TEXT = 1000


@dataclass(frozen=True)
class GroundTruth:
    """The workteams, by ARN, that label and verify where SageMaker Ground Truth is the backend."""

    workteam_arn: str
    verification_workteam_arn: str


@dataclass(frozen=True)
class Labeling:
    """How images get their labels.

    An execution is started by `schedule`, an EventBridge expression; by `start_at_images` pictures without a
    label (0: not by them); and by hand. A round has `round_size` pictures at most, each drawn on by
    `annotators` people; of several, boxes that overlap by `consensus_iou` are one. `suggest`: whether the
    model in prod proposes boxes. `require_mfa`: whether who signs in on the page needs a second factor.
    `ground_truth` is there when that is the backend.
    """

    backend: Backend = "workbench"
    schedule: str | None = None
    start_at_images: int = 0
    round_size: int = 200
    max_rounds: int = 3
    round_timeout_hours: int = 72
    annotators: int = 1
    consensus_iou: float = 0.5
    suggest: bool = True
    require_mfa: bool = False
    ground_truth: GroundTruth | None = None


@dataclass(frozen=True)
class Instruction:
    """What annotators are told of a class; `good` and `bad` are pictures that show how to draw, how not to.

    A picture is a file under examples/ of this repository, or a key under images/ of the images bucket.
    """

    label: str
    text: str
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


def read_labeling(table: Table) -> Labeling:
    """Read `[labeling]`; `[labeling.ground_truth]` is a known table with that backend only."""
    backend = cast(Backend, table.text("backend", "workbench", among=("workbench", "ground_truth")))
    labeling = Labeling(
        backend=backend,
        schedule=table.text("schedule", None, pattern=SCHEDULE),
        start_at_images=table.whole("start_at_images", 0, low=0, high=1_000_000),
        round_size=table.whole("round_size", Labeling.round_size, low=10, high=10_000),
        max_rounds=table.whole("max_rounds", 3, low=1, high=10),
        round_timeout_hours=table.whole("round_timeout_hours", 72, low=1, high=24 * 30),
        annotators=table.whole("annotators", 1, low=1, high=5),
        consensus_iou=table.number("consensus_iou", Labeling.consensus_iou, low=0.1, high=0.95),
        suggest=table.flag("suggest", True),
        require_mfa=table.flag("require_mfa", False),
        ground_truth=_ground_truth(table.table("ground_truth")) if backend == "ground_truth" else None,
    )
    table.end()
    return labeling


def read_instructions(table: Table, classes: Sequence[str]) -> tuple[Instruction, ...]:
    """Read `[models.NAME.instructions]`, a table for each class that has something to say of it."""
    instructions = []
    for label in classes:
        if table.names(label):
            instructions.append(_instruction(label, table.table(label)))
    table.end("not a class of this model")
    return tuple(instructions)


def _instruction(label: str, table: Table) -> Instruction:
    instruction = Instruction(
        label=label,
        text=table.text("text", pattern="(?s).+", longest=_LONGEST_TEXT),
        good=table.words("good", (), pattern=_PICTURE),
        bad=table.words("bad", (), pattern=_PICTURE),
    )
    table.end()
    return instruction


def _ground_truth(table: Table) -> GroundTruth:
    labels = _workteam(table, "workteam_arn")
    teams = GroundTruth(labels, _workteam(table, "verification_workteam_arn", default=labels))
    table.end()
    return teams


def _workteam(table: Table, key: str, **default: Any) -> str:
    arn = table.text(key, **default)
    if ":workteam/public-crowd/" in arn:
        raise table.wrong(key, _PUBLIC)
    return str(table.matching(key, arn, _WORKTEAM))
