"""Checks of a pipeline's definition before it runs: every fault is named with the step that it is in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.cloud.errors import AwsError
from local.cloud.shapes import report
from local.sagemaker.model import input_shape, output_shape
from local.sagemaker.pipelines.expressions import is_expression, path_parts
from local.sagemaker.pipelines.samples import fill, member_of

Definition = dict[str, Any]
Step = dict[str, Any]

# What a step's Arguments are the request of, and the names in it that SageMaker gives itself.
_CREATE: dict[str, tuple[str, dict[str, str]]] = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "x"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "x"}),
    "Tuning": ("CreateHyperParameterTuningJob", {"HyperParameterTuningJobName": "x"}),
    "RegisterModel": ("CreateModelPackage", {}),
    "Model": ("CreateModel", {"ModelName": "x"}),
}
# The answers that a step's properties are taken from.
_DESCRIBE = {
    "Processing": ("DescribeProcessingJob",),
    "Training": ("DescribeTrainingJob",),
    "Tuning": ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob"),
    "RegisterModel": ("DescribeModelPackage",),
    "Model": ("DescribeModel",),
}
_TUNED = re.compile(r"TunedHyperParameters\[['\"]([^'\"]+)['\"]\]$")
_CONDITIONS = {
    "Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo", "In", "Not", "Or",
}  # fmt: skip
_EXECUTION = {
    "PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn", "StartDateTime",
    "CurrentDateTime",
}  # fmt: skip
_PARAMETER_TYPES = {"String", "Integer", "Float", "Boolean"}
_SERVED_STEPS = {*_CREATE, "Condition", "Fail"}


def parse_definition(text: str) -> Definition:
    """Read and check a definition; AwsError ValidationException names every fault."""
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise AwsError("ValidationException", f"PipelineDefinition is not JSON: {error}") from error
    if not isinstance(definition, dict) or not isinstance(definition.get("Steps"), list):
        raise AwsError("ValidationException", "PipelineDefinition has no list of Steps")
    if faults := list(_faults(definition)):
        raise AwsError("ValidationException", "PipelineDefinition: " + "; ".join(faults))
    return definition


def all_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """Give every step, those inside of conditions too."""
    for step in steps:
        yield step
        if step.get("Type") == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                yield from all_steps(step.get("Arguments", {}).get(branch) or [])


def _faults(definition: Definition) -> Iterator[str]:
    if definition.get("Version") != "2020-12-01":
        yield f"Version is {definition.get('Version')!r}, not '2020-12-01'"
    for parameter in definition.get("Parameters", []):
        if parameter.get("Type") not in _PARAMETER_TYPES:
            yield f"parameter {parameter.get('Name')}: unknown type {parameter.get('Type')!r}"
    steps = list(all_steps(definition["Steps"]))
    names = [step.get("Name", "") for step in steps]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"two steps are named {name!r}"
    check = _References(definition, {step.get("Name", ""): step for step in steps})
    for step in steps:
        yield from _step_faults(step, check)


def _step_faults(step: Step, check: _References) -> Iterator[str]:
    name, kind = step.get("Name", "?"), step.get("Type")
    if kind not in _SERVED_STEPS:
        yield f"step {name}: steps of type {kind} are not served by the local SageMaker"
        return
    for needed in step.get("DependsOn", []):
        if needed not in check.steps:
            yield f"step {name}: DependsOn names {needed!r}, which is no step"
    arguments = step.get("Arguments", {})
    if kind in _CREATE:
        operation, given = _CREATE[kind]
        shape = input_shape(operation)
        filled = fill({**given, **arguments}, shape)
        if problems := report(filled, shape):
            yield f"step {name}: Arguments are not what {operation} takes: " + " ".join(problems.split("\n"))
        yield from check.faults(arguments, name, shape)
    elif kind == "Condition":
        for condition in arguments.get("Conditions", []):
            yield from _condition_faults(condition, name)
        yield from check.faults(arguments.get("Conditions", []), name, None)
    else:
        yield from check.faults(arguments, name, None)


def _condition_faults(condition: Mapping[str, Any], step: str) -> Iterator[str]:
    if condition.get("Type") not in _CONDITIONS:
        kind = condition.get("Type")
        yield f"step {step}: conditions of type {kind!r} are not served by the local SageMaker"
    for inner in [
        *condition.get("Conditions", []),
        *([condition["Condition"]] if "Condition" in condition else []),
    ]:
        yield from _condition_faults(inner, step)


class _References:
    """Whether each expression names something that will be there."""

    def __init__(self, definition: Definition, steps: Mapping[str, Step]) -> None:
        self.steps = steps
        self._parameters = {item.get("Name"): item.get("Type") for item in definition.get("Parameters", [])}

    def faults(self, value: Any, step: str, shape: Any) -> Iterator[str]:
        if is_expression(value):
            yield from self._expression(value, step, shape)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from self.faults(item, step, member_of(shape, key))
        elif isinstance(value, list):
            for item in value:
                yield from self.faults(item, step, getattr(shape, "member", None))

    def _expression(self, value: Mapping[str, Any], step: str, shape: Any) -> Iterator[str]:
        (kind, body), *_ = value.items()
        if kind == "Get":
            yield from self._get(body, step, shape)
        elif kind == "Std:Join":
            yield from self.faults(body.get("Values"), step, None)
        elif kind == "Std:JsonGet" and "PropertyFile" in body:
            yield from self._property_file(body["PropertyFile"], step)
        elif kind == "Std:JsonGet":
            yield from self.faults(body.get("S3Uri"), step, None)
        else:
            yield f"step {step}: the function {kind} is not served by the local SageMaker"

    def _get(self, reference: str, step: str, shape: Any) -> Iterator[str]:
        where, _, rest = reference.partition(".")
        if where == "Parameters":
            yield from self._parameter(rest, step, shape)
        elif where == "Execution":
            if rest not in _EXECUTION:
                yield f"step {step}: {reference} is no execution variable"
        elif where == "Steps":
            yield from self._property(reference, step)
        else:
            yield f"step {step}: {reference!r} refers to nothing known"

    def _parameter(self, name: str, step: str, shape: Any) -> Iterator[str]:
        if name not in self._parameters:
            yield f"step {step}: parameter {name} is not declared"
        elif shape is not None and shape.type_name == "string" and self._parameters[name] != "String":
            yield f"step {step}: the {self._parameters[name]} parameter {name} is used where text is due"

    def _property(self, reference: str, step: str) -> Iterator[str]:
        name, path = split_step(reference)
        other = self.steps.get(name)
        if other is None or name == step:
            yield f"step {step}: {reference} refers to " + ("itself" if name == step else "no step")
            return
        if other["Type"] == "Condition" and path == "Outcome":
            return
        answers = [output_shape(operation) for operation in _DESCRIBE.get(other["Type"], ())]
        if not any(_has(shape, path) for shape in answers):
            yield f"step {step}: {reference}: a {other['Type']} step has no property {path!r}"
        tuned = _TUNED.search(path)
        if tuned and tuned[1] not in _tuned_names(other):
            yield f"step {step}: {reference}: step {name} does not tune {tuned[1]!r}"

    def _property_file(self, reference: Any, step: str) -> Iterator[str]:
        text = reference.get("Get", "") if isinstance(reference, dict) else str(reference)
        name, path = split_step(text)
        files = {item["PropertyFileName"] for item in self.steps.get(name, {}).get("PropertyFiles", [])}
        if path.removeprefix("PropertyFiles.") not in files:
            yield f"step {step}: {text} is no property file"


def _tuned_names(step: Step) -> set[str]:
    """Name what a Tuning step has ranges for."""
    ranges = step.get("Arguments", {}).get("HyperParameterTuningJobConfig", {}).get("ParameterRanges", {})
    return {item.get("Name") for items in ranges.values() for item in items}


def split_step(reference: str) -> tuple[str, str]:
    """Split `Steps.Name.Some.Path['x']` into the step's name and the path."""
    match = re.match(r"Steps\.([A-Za-z0-9][\w-]*)\.?(.*)$", reference, re.DOTALL)
    return (match[1], match[2]) if match else ("", reference)


def _has(shape: Any, path: str) -> bool:
    """Whether a Describe answer can have something at a path; a name in brackets picks from a list."""
    try:
        parts = path_parts(path)
    except ValueError:
        return False
    for part in parts:
        kind = shape.type_name
        if kind == "structure" and part in shape.members:
            shape = shape.members[part]
        elif kind == "list":
            shape = shape.member
        elif kind == "map":
            shape = shape.value
        else:
            return False
    return True
