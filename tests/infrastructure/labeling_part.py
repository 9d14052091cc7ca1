"""The templates of the labeling part."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions

from config import Edgeline
from stacks.data_stack import DataStack
from stacks.labeling_stack import LabelingStack

ROOT = Path(__file__).parents[2]


def templates(config: Edgeline) -> dict[str, dict[str, Any]]:
    """Synthesize "Data" and "Labeling" as a configuration says."""
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    data = DataStack(app, "Data", config=config)
    stack = LabelingStack(
        app, "Labeling", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    return {each.node.id: assertions.Template.from_stack(each).to_json() for each in (data, stack)}
