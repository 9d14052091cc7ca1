"""The models as configured, and the pipelines behind the training of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config

from lambdas.common.proxied import Refused

# A person waits, API Gateway for 29 seconds at most.
BRIEF = Config(connect_timeout=2, read_timeout=6, retries={"total_max_attempts": 3, "mode": "standard"})


@dataclass(frozen=True)
class Workflow:
    """One model: `name` is the CodePipeline that builds and starts, `pipeline` the SageMaker pipeline.

    `train_at_images` new pictures, of a detector labels, start a training; 0: they do not. A classifier's
    pictures lie under `prefix` of the images bucket, in folders called like its `classes`. `children` are the
    models that it routes to.
    """

    model: str
    task: str
    name: str
    pipeline: str
    train_at_images: int = 0
    prefix: str = ""
    classes: frozenset[str] = frozenset()
    children: tuple[str, ...] = ()


def workflows(models: str) -> list[Workflow]:
    """All models, of the variable MODELS: JSON, or the name of the file beside this one that holds it."""
    text = models if models.startswith("{") else Path(__file__).with_name(models).read_text(encoding="utf-8")
    return [_workflow(model, described) for model, described in json.loads(text).items()]


def workflow_of(models: str, model: str) -> Workflow:
    """The workflow of a model; Refused, with 404, names the models that there are."""
    found = {workflow.model: workflow for workflow in workflows(models)}
    if model not in found:
        raise Refused(404, f"there is no model {model[:40]!r}; there are: {', '.join(found)}")
    return found[model]


def _workflow(model: str, described: Mapping[str, Any]) -> Workflow:
    several = {
        "classes": frozenset(described.get("classes", ())),
        "children": tuple(described.get("children", ())),
    }
    return Workflow(model=model, **{**described, **several})
