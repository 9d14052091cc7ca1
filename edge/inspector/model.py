"""The model component's files, found through the record that its `run` writes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class UnusableModel(Exception):  # noqa: N818 - the name that callers read
    """Files of a model component that cannot be used; the message says which and why."""


class Detection(Protocol):
    """One found object, box as left, top, right, bottom in pixels."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def box(self) -> tuple[float, float, float, float]: ...  # noqa: D102


class Detector(Protocol):
    """What the inspector needs of inference.detector.Detector."""

    def detect(self, picture: Any, min_score: float = ...) -> Sequence[Detection]: ...  # noqa: D102


@dataclass(frozen=True)
class ModelRecord:
    """A version of the model component and the directory with model.onnx and model.json."""

    version: str
    directory: Path


@dataclass(frozen=True)
class Model:
    """A loaded model and the package that it came from."""

    record: ModelRecord
    package_arn: str
    detector: Detector


def read_record(path: Path) -> ModelRecord | None:
    """Return what the model component wrote, None while it has written nothing."""
    try:
        version, directory = path.read_text().splitlines()[:2]
    except (FileNotFoundError, ValueError):
        return None
    return ModelRecord(version, Path(directory))


def load_model(record: ModelRecord, open_detector: Callable[[Path], Detector]) -> Model:
    """Load the model of a record. Raises UnusableModel."""
    try:
        facts = json.loads((record.directory / "model.json").read_text())
        package_arn = str(facts["model_package_arn"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableModel(f"{record.directory}/model.json: {error!r}") from error
    try:
        return Model(record, package_arn, open_detector(record.directory / "model.onnx"))
    except Exception as error:  # whatever a runtime raises on a file that is no model
        raise UnusableModel(f"{record.directory}/model.onnx: {error}") from error
