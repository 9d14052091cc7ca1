"""The templates of the training part, of models of both tasks."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions

from config import Edgeline
from stacks.data_stack import DataStack
from stacks.training_stack import TrainingStack

ROOT = Path(__file__).parents[2]
# A detector, a parent with a child, and a class of the parent's own; all of them start in all ways.
BOTH_TASKS = {
    "name": "edgeline",
    "models": {
        "tags": {
            "task": "detection", "classes": ["scratch"], "schedule": "rate(7 days)", "train_at_images": 50,
        },
        "species": {
            "task": "classification", "classes": ["mushroom"], "schedule": "rate(30 days)",
            "train_at_images": 500,
        },
        "flowers": {
            "task": "classification", "parent": "species", "classes": ["daffodil", "tulip"],
            "schedule": "rate(14 days)", "train_at_images": 100,
        },
    },
}  # fmt: skip


def templates(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Synthesize "Data" and "Training" as a configuration says."""
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    config = Edgeline.from_values(values)
    data = DataStack(app, "Data", config=config)
    stack = TrainingStack(
        app, "Training", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    return {each.node.id: assertions.Template.from_stack(each).to_json() for each in (data, stack)}
