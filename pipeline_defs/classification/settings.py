"""What the jobs of one model are told: `models/<name>.json`, which the build puts into the code's folder."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline_defs.classification.label_map import ChildMap, LabelMap, LabelMapError
from pipeline_defs.common.job import JobError
from pipeline_defs.common.settings import ModelSettings, SettingsError

Range = tuple[float, float]
STRATEGIES = ("random", "bayesian")


@dataclass(frozen=True)
class Tuning:
    """How parameters are looked for: on `share` of the training side; the ranges are low, high."""

    strategy: str = "random"  # one of STRATEGIES
    jobs: int = 8
    parallel: int = 2
    share: float = 0.5
    epochs: int = 10
    early_stopping: bool = True
    learning_rate: Range = (3e-4, 1e-2)
    weight_decay: Range = (1e-4, 5e-2)
    width: tuple[int, int] = (16, 48)


@dataclass(frozen=True)
class Quality:
    """The rules of the data's check; sides in pixels. `near_duplicate_bits` 0: exact copies only."""

    formats: tuple[str, ...] = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
    min_side: int = 32
    max_side: int = 10_000
    max_bytes: int = 20_000_000
    max_aspect: float = 4.0
    near_duplicate_bits: int = 3  # of a difference hash of 64
    min_pictures: int = 10  # of a class
    max_quarantined: float = 0.2  # the share above which the check fails


@dataclass(frozen=True)
class ClassificationSettings:
    """One model: `labels` are what it answers, each with its classes (folders), in the model's order.

    `children` names the model of each label that is a group; `tree` is the parent, or the model itself.
    `source` is an S3 prefix that ends in /, or a manifest of JSON lines.
    """

    name: str
    tree: str
    labels: Mapping[str, tuple[str, ...]]
    source: str
    children: Mapping[str, str] = field(default_factory=dict)
    epochs: int = 30
    input_size: int = 224  # pixels a side
    top1_threshold: float = 0.6
    min_score: float = 0.5
    spot: bool = False
    tuning: Tuning = Tuning()
    quality: Quality = Quality()

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class, in the labels' order."""
        return tuple(of_label for classes in self.labels.values() for of_label in classes)

    def label_of(self) -> dict[str, str]:
        """Return each class's label."""
        return {of_label: label for label, classes in self.labels.items() for of_label in classes}


def read_settings(path: Path) -> ClassificationSettings:
    """Read the file that the build wrote; raises JobError naming the file and what is wrong in it."""
    try:
        return settings_from(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise JobError(
            f"--settings {path}: cannot be read ({error.strerror}): the build writes {settings_file('NAME')}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(f"{path}: not the settings of a classification model: {error!r}") from error


def settings_from(values: Mapping[str, Any]) -> ClassificationSettings:
    """Build from JSON's values.

    Raises KeyError or TypeError for a key that is missing or unknown, LabelMapError for labels that cannot
    be a model's.
    """
    rest = {**values}
    ranges = ("learning_rate", "weight_decay", "width")
    settings = ClassificationSettings(
        labels={label: tuple(classes) for label, classes in rest.pop("labels").items()},
        tuning=Tuning(**_with_tuples(rest.pop("tuning", {}), ranges)),
        quality=Quality(**_with_tuples(rest.pop("quality", {}), ("formats",))),
        **rest,
    )
    _check(settings)
    return settings


def settings_of(model: ModelSettings) -> ClassificationSettings:
    """Read a classifier's part of MODEL_CONFIG; raises SettingsError naming the model and what is wrong."""
    try:
        return settings_from({"name": model.name, **(model.classification or {})})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"MODEL_CONFIG of {model.name!r}, 'classification': {error!r}") from None


def settings_file(model: str) -> str:
    """Return where the file lies in the code's folder."""
    return f"models/{model}.json"


def settings_json(settings: ClassificationSettings) -> str:
    """Return the file's text; the same settings always give the same bytes."""
    return json.dumps(asdict(settings), indent=1, ensure_ascii=False) + "\n"


def label_map(settings: ClassificationSettings) -> LabelMap:
    """Return the labels in their order, and what the model expects of its children."""
    children = {
        group: ChildMap(model, tuple(settings.labels[group])) for group, model in settings.children.items()
    }
    return LabelMap(settings.name, tuple(settings.labels), children)


def _with_tuples(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: tuple(value) if key in keys else value for key, value in values.items()}


def _check(settings: ClassificationSettings) -> None:
    if settings.tuning.strategy not in STRATEGIES:
        raise ValueError(f"strategy {settings.tuning.strategy!r} is none of {', '.join(STRATEGIES)}")
    classes = settings.classes
    twice = sorted({of_label for of_label in classes if classes.count(of_label) > 1})
    if twice:
        raise LabelMapError(f"{', '.join(twice)}: a class of two labels")
    strange = sorted(set(settings.children) - set(settings.labels))
    if strange:
        raise LabelMapError(f"{', '.join(strange)}: a child that is no label of {settings.name}")
