"""The Data and Training stacks in the local cloud."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack
from stacks.training_stack import TrainingStack

ROOT = Path(__file__).parents[2]
# In place of the stack's: CodePipeline starts one for each model as it is made, which would train on
# whatever a test has uploaded by then.
IDLE_BUILD: Mapping[str, Any] = {
    "version": "0.2",
    "env": {"exported-variables": ["PIPELINE_EXECUTION_ARN", "NOT_STARTED"]},
    "phases": {"build": {"commands": ["export PIPELINE_EXECUTION_ARN=none NOT_STARTED=idle"]}},
}


def deployed(
    cloud: LocalCloud, folder: Path, name: str, toml: Path = ROOT / "edgeline.toml"
) -> tuple[dict[str, str], dict[str, str]]:
    """Deploy both under a name, with an idle build; the outputs of the Data and of the Training stack."""
    return deploy_training(cloud, folder, replace(Edgeline.read(toml), name=name))


def deploy_training(
    cloud: LocalCloud,
    folder: Path,
    config: Edgeline,
    *,
    buildspec: Mapping[str, Any] | None = IDLE_BUILD,
) -> tuple[dict[str, str], dict[str, str]]:
    """Deploy both; `buildspec` None leaves the build what the stack says."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
    data = DataStack(app, "Data", config=config)
    TrainingStack(
        app, "Training", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    app.synth()
    if buildspec is not None:
        _replace_build(folder / "Training.template.json", buildspec)
    outputs = deploy(folder, cloud)
    return outputs[f"{config.name}-data"], outputs[f"{config.name}-training"]


def _replace_build(path: Path, buildspec: Mapping[str, Any]) -> None:
    template = json.loads(path.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CodeBuild::Project":
            resource["Properties"]["Source"]["BuildSpec"] = json.dumps(buildspec)
    path.write_text(json.dumps(template))
