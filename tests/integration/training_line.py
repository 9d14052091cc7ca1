"""The Data and Training stacks in the local cloud."""

import json
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack
from stacks.training_stack import TrainingStack

ROOT = Path(__file__).parents[2]


def deployed(
    cloud: LocalCloud, folder: Path, name: str, toml: Path = ROOT / "edgeline.toml"
) -> tuple[dict[str, str], dict[str, str]]:
    """Deploy both under a name; the outputs of the Data stack and of the Training stack."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
    config = replace(Edgeline.read(toml), name=name)
    data = DataStack(app, "Data", config=config)
    TrainingStack(
        app, "Training", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    app.synth()
    outputs = deploy(folder, cloud)
    return outputs[f"{name}-data"], outputs[f"{name}-training"]
