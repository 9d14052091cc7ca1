"""The Greengrass component that inspects pictures on a device."""

import hashlib
import json
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from config import Edgeline

_ROOT = Path(__file__).parents[2]
_SOURCES = ["*", "!edge", "!inference", "edge/model", "**/__pycache__"]


def model_component_prefix(config: Edgeline) -> str:
    """What the names of all model components begin with."""
    return f"com.{config.name}.model."


def model_recipe() -> str:
    """The template of the model component's recipe, without comments, as it travels in the environment."""
    lines = (_ROOT / "edge/model/recipe.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


class InspectorComponent(Construct):
    """`edge/inspector` and `inference` as one component version, numbered by its content.

    A component version cannot be changed: another code, recipe or configuration is another version.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self.component_name = f"com.{config.name}.inspector"
        self.code = assets.Asset(
            self, "Code", path=str(_ROOT), exclude=_SOURCES, ignore_mode=cdk.IgnoreMode.DOCKER
        )
        model = config.model(config.fleet.model)
        template = (_ROOT / "edge/inspector/recipe.yaml").read_text(encoding="utf-8")
        chosen = {
            "COMPONENT": self.component_name,
            "MODEL": model.name,
            "MODEL_COMPONENT": model_component_prefix(config) + model.name,
            "UNSURE_LOW": str(config.fleet.unsure_low),
            "UNSURE_HIGH": str(config.fleet.unsure_high),
            "MIN_SCORE": str(model.min_score),
            "ARTIFACT_NAME": self.code.asset_hash,
        }
        self.version = content_version(template, chosen)
        deployed = {
            "VERSION": self.version,
            "IMAGES_BUCKET": images.bucket_name,
            "ARTIFACTS_BUCKET": artifacts.bucket_name,
            "ARTIFACT_URI": self.code.s3_object_url,
        }
        self.resource = greengrass.CfnComponentVersion(
            self, "Version", inline_recipe=fill(template, {**chosen, **deployed})
        )


def content_version(template: str, values: dict[str, str]) -> str:
    """Number a component by what it consists of; versions say which is which, not which is newer."""
    content = json.dumps([template, values], sort_keys=True)
    # Seven digits stay below 2**31, which is as far as version numbers go on the classic nucleus.
    return f"1.0.{int(hashlib.sha256(content.encode()).hexdigest()[:7], 16)}"


def fill(template: str, values: dict[str, str]) -> str:
    """Fill a recipe's @PLACEHOLDERS@; comments are left out."""
    recipe = "".join(line for line in template.splitlines(keepends=True) if not line.startswith("#"))
    for name, value in values.items():
        recipe = recipe.replace(f"@{name}@", value)
    return recipe
