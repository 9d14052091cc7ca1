"""The Greengrass component that inspects pictures on a device: its name, its version, its configuration."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from config import Edgeline

_ROOT = Path(__file__).parents[2]
# What edge/publish.py puts into the component's artifact.
CODE = ("edge/__init__.py", "edge/inspector", "inference")


def model_component_prefix(config: Edgeline) -> str:
    """What the names of all model components begin with."""
    return f"com.{config.name}.model."


def model_recipe() -> str:
    """The template of the model component's recipe, without comments, as it travels in the environment."""
    lines = (_ROOT / "edge/model/recipe.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


class InspectorComponent(Construct):
    """`edge/inspector` and `inference` as one component version, numbered by its content.

    A component version cannot be changed: another code, recipe or configuration is another version. It is
    known here and published by the inspector's pipeline, since a version that CloudFormation made it would
    delete as it makes the next, from under the devices that run it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: Edgeline) -> None:
        super().__init__(scope, construct_id)
        self.component_name = f"com.{config.name}.inspector"
        model = config.model(config.fleet.model)
        self.chosen: Mapping[str, str] = {
            "COMPONENT": self.component_name,
            "MODEL": model.name,
            "MODEL_COMPONENT": model_component_prefix(config) + model.name,
            "UNSURE_LOW": str(config.fleet.unsure_low),
            "UNSURE_HIGH": str(config.fleet.unsure_high),
            "MIN_SCORE": str(model.min_score),
        }
        self.content = content_digest(_fingerprint(), self.chosen)
        self.version = content_version(self.content)

    @property
    def arn(self) -> str:
        """The ARN of this very version."""
        return cdk.Stack.of(self).format_arn(
            service="greengrass",
            resource="components",
            resource_name=f"{self.component_name}:versions:{self.version}",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )


def content_digest(code: str, values: Mapping[str, str]) -> str:
    """Name what a component consists of: the fingerprint of its code and recipe, and the recipe's values."""
    return hashlib.sha256(json.dumps([code, values], sort_keys=True).encode()).hexdigest()


def content_version(digest: str) -> str:
    """Number a component by its content; versions say which is which, not which is newer."""
    # Seven digits stay below 2**31, which is as far as version numbers go on the classic nucleus.
    return f"1.0.{int(digest[:7], 16)}"


def _fingerprint() -> str:
    exclude = ["*", *(f"!{path}" for path in CODE), "**/__pycache__"]
    return cdk.FileSystem.fingerprint(str(_ROOT), exclude=exclude, ignore_mode=cdk.IgnoreMode.DOCKER)
