"""What one training run of a model costs, with its promotion, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config_classification import ClassificationModel
from config_model import Model
from local.doctor.prices import Cost, Instances

_CHECKED = (
    ("check the data", "check_data_minutes"),
    ("encode", "encode_minutes"),
    ("write records", "records_minutes"),
    ("split", "split_minutes"),
)
# What the table's minutes of a classifier's training are for.
_EPOCHS, _SIDE = 30, 224


def training_costs(model: Model, prices: Mapping[str, Any], instances: Instances) -> Iterator[Cost]:
    """Go through the steps of a model's pipeline, its promotion and its build."""
    assumed, minute = prices["assumed"], prices["minute"]
    if isinstance(model, ClassificationModel):
        yield from _classifier(model, assumed, instances)
    else:
        yield _step(model, "prepare", model.job_instance, assumed["prepare_minutes"], instances)
        yield _step(model, "train", model.train_instance, assumed["train_minutes"], instances)
    yield _step(model, "evaluate", model.job_instance, assumed["evaluate_minutes"], instances)
    yield _step(model, "test in staging", model.job_instance, assumed["staging_test_minutes"], instances)
    minutes = assumed["build_minutes"]
    build = minutes * (minute["build_small"] + minute["pipeline_action"])
    yield Cost(f"{model.name}: build the pipeline, {minutes} min (assumed)", build)


def _classifier(
    model: ClassificationModel, assumed: Mapping[str, Any], instances: Instances
) -> Iterator[Cost]:
    for name, key in _CHECKED:
        yield _step(model, name, model.job_instance, assumed[key], instances)
    tuning, kind = model.tuning, model.train_instance
    trial = _training_minutes(model, assumed, epochs=tuning.epochs, share=tuning.share)
    what = f"{model.name}: tune, {tuning.jobs} trials of {trial} min of {kind} (assumed)"
    yield Cost(what, instances.hours(kind, tuning.jobs * trial / 60))
    minutes = _training_minutes(model, assumed, epochs=model.epochs, share=1)
    if not model.spot:
        yield _step(model, "train", kind, minutes, instances)
        return
    on_spot = minutes * assumed["spot_share"] / 60
    yield Cost(
        f"{model.name}: train, {minutes} min of {kind} on spot (assumed)", instances.hours(kind, on_spot)
    )


def _training_minutes(
    model: ClassificationModel, assumed: Mapping[str, Any], *, epochs: int, share: float
) -> int:
    """An instance bills from its start; the rest grows with epochs, pictures and their area."""
    work: float = assumed["classifier_minutes"] * (epochs / _EPOCHS) * share * (model.input_size / _SIDE) ** 2
    return int(assumed["job_start_minutes"]) + round(work)


def _step(model: Model, name: str, instance: str, minutes: int, instances: Instances) -> Cost:
    what = f"{model.name}: {name}, {minutes} min of {instance} (assumed)"
    return Cost(what, instances.hours(instance, minutes / 60))
