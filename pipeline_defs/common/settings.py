"""What a pipeline is built from: the environment of the build project, and its description of the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class SettingsError(ValueError):
    """A variable of the environment is missing or wrong; the message is one line."""


@dataclass(frozen=True)
class DetectionPart:
    """What only a detector has; `group_rule` is "" where there is none."""

    map50_threshold: float
    group_rule: str
    train_steps: int


@dataclass(frozen=True)
class ModelSettings:
    """One model as MODEL_CONFIG describes it; `tags` are its jobs'.

    `detection` or `classification` is what only its task has. A classifier's is what its jobs read as their
    settings: `pipeline_defs.classification.settings` knows them.
    """

    name: str
    pipeline_name: str
    model_package_group: str
    task: str
    classes: tuple[str, ...]
    train_instance: str
    job_instance: str
    inference_instances: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)
    detection: DetectionPart | None = None
    classification: Mapping[str, Any] | None = None

    @property
    def as_detector(self) -> DetectionPart:
        """Return a detector's part; raises SettingsError for another model."""
        if self.detection is None:
            raise SettingsError(f"MODEL_CONFIG of {self.name!r}: no 'detection', which a detector needs")
        return self.detection


@dataclass(frozen=True)
class Settings:
    """Where a pipeline runs, in which roles, and for which model.

    `groups` are the model package groups of all models.
    """

    region: str
    artifacts_bucket: str
    images_bucket: str
    kms_key_arn: str
    feature_group: str
    athena_workgroup: str
    job_role_arn: str
    pipeline_role_arn: str
    model: ModelSettings
    groups: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, environment: Mapping[str, str], model: str) -> "Settings":
        """Read the variables of the build project; `model` is one of those in MODEL_CONFIG.

        Raises SettingsError naming the variable, or the models that there are.
        """
        names = (
            "ARTIFACTS_BUCKET",
            "IMAGES_BUCKET",
            "KMS_KEY_ARN",
            "FEATURE_GROUP",
            "ATHENA_WORKGROUP",
            "JOB_ROLE_ARN",
            "PIPELINE_ROLE_ARN",
        )
        missing = [name for name in names if not environment.get(name)]
        if not (environment.get("MODEL_CONFIG") or environment.get("MODEL_CONFIG_FILE")):
            missing.append("MODEL_CONFIG or MODEL_CONFIG_FILE")
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            missing.append("AWS_REGION")
        if missing or not region:
            raise SettingsError(f"missing from the environment: {', '.join(missing)}")
        models = configured(environment)
        if model not in models:
            raise SettingsError(f"model {model!r} is not one of {', '.join(sorted(models))} in MODEL_CONFIG")
        values = {name.lower(): environment[name] for name in names}
        groups = {name: each["model_package_group"] for name, each in models.items()}
        described = _model(model, models[model], environment["IMAGES_BUCKET"])
        return cls(region=region, model=described, groups=groups, **values)


def configured(environment: Mapping[str, str]) -> dict[str, Any]:
    """Read MODEL_CONFIG, or the file of it: CodeBuild's environment holds 5,500 characters.

    Raises SettingsError where that is not JSON.
    """
    try:
        text = environment.get("MODEL_CONFIG") or Path(environment["MODEL_CONFIG_FILE"]).read_text("utf-8")
        models: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"MODEL_CONFIG is not the models as JSON: {error}") from None
    return models


def _model(name: str, described: Mapping[str, Any], images_bucket: str) -> ModelSettings:
    lists = ("classes", "inference_instances")
    values: dict[str, Any] = {
        key: tuple(value) if key in lists else value for key, value in described.items()
    }
    try:
        if detection := values.get("detection"):
            values["detection"] = DetectionPart(**detection)
        if source := values.get("classification", {}).get("source"):
            values["classification"] = {
                **values["classification"],
                "source": _uri(name, source, images_bucket),
            }
        return ModelSettings(name=name, **values)
    except TypeError as error:
        raise SettingsError(f"MODEL_CONFIG of {name!r}: {error}") from None


def _uri(model: str, source: str, images_bucket: str) -> str:
    """Name a key of the images bucket by its URI: the file was written before the bucket had its name.

    Raises SettingsError for a URI of another bucket, which the jobs may not read.
    """
    own = f"s3://{images_bucket}/"
    if source.startswith("s3://") and not source.startswith(own):
        raise SettingsError(
            f"models.{model}: data = {source!r} is not in the images bucket {images_bucket}, the only one "
            "that the jobs may read: copy it there, and give its key, as images/plants/list.manifest"
        )
    return source if source.startswith(own) else own + source
