"""What a Tuning or Training step's request says that fits its shape, and that SageMaker refuses all the same.

A value that is a reference is only known when the pipeline runs, and is passed over.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Arguments = Mapping[str, Any]

_TUNED = re.compile(r"TunedHyperParameters\[['\"]([^'\"]+)['\"]\]$")
_DAY_SECONDS = 86_400


def request_problems(step: Mapping[str, Any]) -> list[str]:
    """Every problem of a step's request beside its shape's, each one line that starts with the step."""
    arguments, kind = step["Arguments"], step["Type"]
    found: list[str] = []
    if kind == "Tuning":
        found += _tuning_problems(arguments)
    if kind in ("Training", "Tuning"):
        found += _spot_problems(arguments if kind == "Training" else _definition(arguments))
    return [f"{step['Name']}: {problem}" for problem in found]


def untuned(step: Mapping[str, Any], path: str) -> str | None:
    """Say what is wrong with a property path that names a hyperparameter for which the step has no range."""
    named = _TUNED.search(path)
    if named is None or named[1] in {item["Name"] for _, item in _ranges(step["Arguments"])}:
        return None
    return f"{step['Name']} does not tune {named[1]!r}"


def _definition(arguments: Arguments) -> Arguments:
    definition: Arguments = arguments.get("TrainingJobDefinition", {})
    return definition


def _ranges(arguments: Arguments) -> list[tuple[str, Arguments]]:
    ranges = arguments.get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    return [(kind.removesuffix("ParameterRanges"), item) for kind, items in ranges.items() for item in items]


def _tuning_problems(arguments: Arguments) -> Iterator[str]:
    config, definition = arguments.get("HyperParameterTuningJobConfig", {}), _definition(arguments)
    ranges = _ranges(arguments)
    names = [str(item.get("Name")) for _, item in ranges]
    static = definition.get("StaticHyperParameters", {})
    if not ranges:
        yield "there is nothing to tune"
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name!r} has two ranges"
    for name in sorted(set(names) & set(static)):
        yield f"{name!r} has a range and a static value"
    for kind, item in ranges:
        yield from _range_problems(kind, item)
    if config.get("Strategy") == "Grid" and any(kind != "Categorical" for kind, _ in ranges):
        yield "a grid is of categorical parameters only"
    limits = config.get("ResourceLimits", {})
    if config.get("Strategy") != "Grid" and not {"MaxNumberOfTrainingJobs", "MaxRuntimeInSeconds"} & set(
        limits
    ):
        yield "neither the number of training jobs nor their time has a limit"
    yield from _objective_problems(config, definition)


def _range_problems(kind: str, item: Arguments) -> Iterator[str]:
    ends = item.get("MinValue"), item.get("MaxValue")
    if kind == "Categorical" or not all(isinstance(end, str) for end in ends):
        return
    name, scaling = item.get("Name"), item.get("ScalingType", "Auto")
    try:
        low, high = (int(end) if kind == "Integer" else float(end) for end in ends)  # type: ignore[arg-type]
    except ValueError:
        yield f"the range of {name!r}: {ends[0]!r} or {ends[1]!r} is no number of its kind, {kind.lower()}"
        return
    if not low < high:
        yield f"the range of {name!r}: {low} is not below {high}"
    if scaling == "Logarithmic" and low <= 0:
        yield f"the range of {name!r}: logarithmic scaling needs values above 0"
    if scaling == "ReverseLogarithmic" and not (low >= 0 and high < 1):
        yield f"the range of {name!r}: reverse logarithmic scaling needs values from 0 to below 1"


def _objective_problems(config: Arguments, definition: Arguments) -> Iterator[str]:
    metrics = definition.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
    patterns = {metric.get("Name"): metric.get("Regex") for metric in metrics}
    objective = config.get("HyperParameterTuningJobObjective", {}).get("MetricName")
    if objective not in patterns:
        yield f"the objective {objective!r} is none of the metrics: {', '.join(map(str, patterns))}"
        return
    try:
        groups = re.compile(patterns[objective]).groups
    except re.error as error:
        yield f"the pattern of the objective {objective!r}: {error}"
        return
    if groups != 1:
        yield f"the pattern of the objective {objective!r} has {groups} groups: one is to catch its value"


def _spot_problems(training: Arguments) -> Iterator[str]:
    stopping, spot = training.get("StoppingCondition", {}), training.get("EnableManagedSpotTraining")
    wait, run = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds", _DAY_SECONDS)
    if spot is True and wait is None:
        yield "spot training needs MaxWaitTimeInSeconds"
    if not spot and wait is not None:
        yield "MaxWaitTimeInSeconds is for spot training only"
    if isinstance(wait, int) and isinstance(run, int) and wait < run:
        yield f"MaxWaitTimeInSeconds {wait} is less than MaxRuntimeInSeconds {run}"
