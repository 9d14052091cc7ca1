"""What a CreateHyperParameterTuningJob request asks for, checked; what each of its training jobs is asked."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.sagemaker.jobs.script_mode import TUNING_METRIC
from local.sagemaker.refuse import refuse_given, refuse_unless
from local.sagemaker.tuning.ranges import Category, Range, invalid, read_ranges
from local.sagemaker.tuning.strategies import Bayesian, Chosen, Grid, Random, Strategy

_CREATE = "CreateHyperParameterTuningJob"
_NOT_OF_A_JOB = ("DefinitionName", "StaticHyperParameters")


@dataclass(frozen=True)
class Plan:
    """A tuning job as it is to run: at most `most` training jobs in `seconds`, None for no bound."""

    name: str
    objective: str
    maximize: bool
    strategy: Strategy
    most: int | None
    parallel: int
    seconds: int | None
    early_stopping: bool
    definition: Mapping[str, Any]
    tags: Sequence[Mapping[str, str]]

    def job_name(self, number: int) -> str:
        """Name a training job as AWS does."""
        return f"{self.name}-{number + 1:03d}-{secrets.token_hex(4)}"

    def job(self, name: str, chosen: Chosen) -> dict[str, Any]:
        """Give a training job's request."""
        given = {key: value for key, value in self.definition.items() if key not in _NOT_OF_A_JOB}
        static = self.definition.get("StaticHyperParameters", {})
        if checkpoints := given.get("CheckpointConfig"):
            # A folder each: no job goes on from another's checkpoint.
            place = f"{checkpoints['S3Uri'].rstrip('/')}/{name}"
            given["CheckpointConfig"] = {**checkpoints, "S3Uri": place}
        return {
            **given,
            "TrainingJobName": name,
            "HyperParameters": {**static, TUNING_METRIC: self.objective, **chosen},
            "Tags": list(self.tags),
        }


def read_plan(request: Mapping[str, Any]) -> Plan:
    """Check a request; AwsError for what AWS refuses, and by name for what is not served here."""
    config, definition = request["HyperParameterTuningJobConfig"], request.get("TrainingJobDefinition")
    _refuse_unserved(request, config)
    if definition is None:
        raise invalid(f"{_CREATE} has no TrainingJobDefinition")
    ranges = read_ranges(config.get("ParameterRanges", {}))
    static = definition.get("StaticHyperParameters", {})
    if both := sorted(item.name for item in ranges if item.name in static):
        raise invalid(f"{', '.join(both)} has a range and a static value")
    objective, maximize = _objective(config, definition)
    most, limits = _most(config, ranges), config["ResourceLimits"]
    return Plan(
        name=request["HyperParameterTuningJobName"],
        objective=objective,
        maximize=maximize,
        strategy=_strategy(config, ranges, maximize=maximize),
        most=most,
        parallel=limits["MaxParallelTrainingJobs"],
        seconds=limits.get("MaxRuntimeInSeconds"),
        early_stopping=config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        definition=definition,
        tags=request.get("Tags", []),
    )


def _refuse_unserved(request: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    refuse_given(_CREATE, request, "TrainingJobDefinitions", "WarmStartConfig", "Autotune")
    refuse_unless("Strategy", config["Strategy"], "Random", "Bayesian", "Grid")
    refuse_given(_CREATE, config, "StrategyConfig", "TuningJobCompletionCriteria")
    definition = request.get("TrainingJobDefinition", {})
    unserved = (
        "TuningObjective",
        "HyperParameterRanges",
        "HyperParameterTuningResourceConfig",
        "RetryStrategy",
    )
    refuse_given(f"{_CREATE} TrainingJobDefinition", definition, *unserved)


def _objective(config: Mapping[str, Any], definition: Mapping[str, Any]) -> tuple[str, bool]:
    objective = config.get("HyperParameterTuningJobObjective")
    metrics = definition["AlgorithmSpecification"].get("MetricDefinitions", [])
    if objective is None or objective["MetricName"] not in {metric["Name"] for metric in metrics}:
        raise invalid(
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )
    return objective["MetricName"], objective["Type"] == "Maximize"


def _most(config: Mapping[str, Any], ranges: Sequence[Range]) -> int | None:
    limits = config["ResourceLimits"]
    most: int | None = limits.get("MaxNumberOfTrainingJobs")
    if config["Strategy"] != "Grid":
        if most is None and "MaxRuntimeInSeconds" not in limits:
            raise invalid("ResourceLimits: neither MaxNumberOfTrainingJobs nor MaxRuntimeInSeconds is given")
        return most
    if any(not isinstance(item, Category) for item in ranges):
        raise invalid("Grid search is for categorical parameters only")
    combinations = len(Grid(ranges).combinations)
    if most not in (None, combinations):
        raise invalid(
            f"Grid search: MaxNumberOfTrainingJobs is {most}, there are {combinations} combinations"
        )
    return combinations


def _strategy(config: Mapping[str, Any], ranges: Sequence[Range], *, maximize: bool) -> Strategy:
    seed = config.get("RandomSeed", secrets.randbelow(2**31))
    if config["Strategy"] == "Random":
        return Random(ranges, seed)
    if config["Strategy"] == "Grid":
        return Grid(ranges)
    return Bayesian(ranges, seed, "maximize" if maximize else "minimize")
