"""What the models of both tasks share, and the model that detects."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from config_endpoint import INSTANCE, Endpoint, read_endpoint
from config_labeling import SCHEDULE, Instruction, read_instructions
from config_table import Table

Task = Literal["detection", "classification"]


@dataclass(frozen=True)
class Model:
    """One model: its classes, when and where it is trained, and how it is served.

    `classes` are those of its own table. `schedule` is an EventBridge expression on which it is trained anew;
    None trains on a push or by hand. `train_at_images` new pictures (of a detector: newly approved labels)
    start a training too; 0: they do not. `tolerance` is how far staging may score from the registered
    evaluation. An answer under `min_score` counts as none. `drift` is how far the share of pictures without
    an answer, and the mean score, may move in prod from what was registered.
    """

    task: ClassVar[Task]

    name: str
    classes: tuple[str, ...]
    schedule: str | None = None
    train_at_images: int = 0
    train_instance: str = "ml.m5.2xlarge"
    job_instance: str = "ml.m5.xlarge"
    staging: Endpoint = field(default_factory=Endpoint)
    prod: Endpoint = field(default_factory=Endpoint)
    tolerance: float = 0.02
    min_score: float = 0.25
    drift: float = 0.25

    @property
    def tree(self) -> str:
        """The name of the tree that it stands in: its own, where it has neither parent nor children."""
        return self.name

    @property
    def output_suffix(self) -> str:
        """The name as it ends a stack output's key: `metal-tags` is `MetalTags`."""
        return "".join(word.capitalize() for word in self.name.split("-"))


@dataclass(frozen=True)
class DetectionModel(Model):
    """A model that finds its classes in a picture, as boxes, and learns from what people drew.

    Below `map50_threshold` nothing is registered. `group_rule` is a regular expression on an image's file
    name whose first group names the physical object. `instructions` are what annotators are told of its
    classes, in the order of these.
    """

    task: ClassVar[Task] = "detection"

    map50_threshold: float = 0.6
    group_rule: str | None = None
    train_steps: int = 1500
    instructions: tuple[Instruction, ...] = ()


def read_shared(table: Table, *, min_score: float) -> dict[str, Any]:
    """Take the keys that both tasks have, but for the classes; `min_score` is the task's default."""
    return {
        "schedule": table.text("schedule", None, pattern=SCHEDULE),
        "train_at_images": table.whole("train_at_images", 0, low=0, high=1_000_000),
        "train_instance": table.text("train_instance", Model.train_instance, pattern=INSTANCE),
        "job_instance": table.text("job_instance", Model.job_instance, pattern=INSTANCE),
        "staging": read_endpoint(table.table("staging", optional=True), prod=False),
        "prod": read_endpoint(table.table("prod", optional=True), prod=True),
        "tolerance": table.number("tolerance", Model.tolerance),
        "min_score": table.number("min_score", min_score),
        "drift": table.number("drift", Model.drift, low=0.01),
    }


def read_detection(name: str, table: Table) -> DetectionModel:
    """Read `[models.NAME]` of a detector; its name and task are taken."""
    classes = table.words("classes")
    model = DetectionModel(
        name=name,
        classes=classes,
        **read_shared(table, min_score=Model.min_score),
        map50_threshold=table.number("map50_threshold", DetectionModel.map50_threshold),
        group_rule=_group_rule(table),
        train_steps=table.whole("train_steps", DetectionModel.train_steps, low=1, high=1_000_000),
        instructions=read_instructions(table.table("instructions", optional=True), classes),
    )
    table.end()
    return model


def _group_rule(table: Table) -> str | None:
    rule = cast(str | None, table.text("group_rule", None))
    if rule is None:
        return None
    try:
        groups = re.compile(rule).groups
    except re.error as error:
        raise table.wrong("group_rule", f"{rule!r} is not a regular expression: {error}") from None
    if not groups:
        raise table.wrong("group_rule", f"{rule!r} has no group ( ) that names the object")
    return rule
