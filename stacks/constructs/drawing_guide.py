"""What annotators are told of each class: a document, and the pictures of this repository that it names."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from config_labeling import Instruction
from config_model import DetectionModel
from config_table import ConfigError
from stacks.constructs.folder_publisher import FolderPublisher

_ROOT = Path(__file__).parents[2]
EXAMPLES = "examples/"


class DrawingGuide(Construct):
    """`examples/guide.json` in the images bucket, and beside it the pictures that it names.

    Not in the page's own bucket, which is public: these are pictures of what somebody makes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: Iterable[DetectionModel],
        images: s3.IBucket,
        key: kms.IKey,
        publisher: FolderPublisher,
    ) -> None:
        super().__init__(scope, construct_id)
        models = list(models)
        files = sorted({name for model in models for name in _files(model)})
        for name in files:
            if not (_ROOT / name).is_file():
                raise ConfigError(f"{name}: no such file, though the instructions of a class name it")
        publisher.publish(
            "Guide",
            bucket=images,
            prefix=EXAMPLES,
            asset=self._asset(files) if files else None,
            documents={"guide.json": {model.name: _guide(model) for model in models}},
            key=key,
        )

    def _asset(self, files: list[str]) -> s3_assets.Asset:
        inside = [name.removeprefix(EXAMPLES) for name in files]
        return s3_assets.Asset(
            self,
            "Pictures",
            path=str(_ROOT / EXAMPLES),
            exclude=["*", *(f"!{name}" for name in inside)],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )


def _guide(model: DetectionModel) -> list[dict[str, Any]]:
    """What is said of each class, in their order; keys of the images bucket for its pictures."""
    said = {instruction.label: instruction for instruction in model.instructions}
    return [_of_class(said.get(label, Instruction(label, ""))) for label in model.classes]


def _of_class(instruction: Instruction) -> dict[str, Any]:
    return {
        "name": instruction.label,
        "instructions": instruction.text,
        "good": list(instruction.good),
        "bad": list(instruction.bad),
    }


def _files(model: DetectionModel) -> Iterator[str]:
    for instruction in model.instructions:
        for name in (*instruction.good, *instruction.bad):
            if name.startswith(EXAMPLES):
                yield name
