"""Offline checks of a pipeline definition, against the shapes of the SageMaker API that botocore knows.

Arguments: each step's request, with the enumerations, patterns and limits that botocore does not check.
References: each `Get` names a declared parameter, or a property that the step's Describe call really returns.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.validate import ParamValidator

from pipeline_defs.common.api_shapes import Shape, leads_somewhere, member, python_pattern, sagemaker
from pipeline_defs.common.tuning_checks import request_problems, untuned

Definition = Mapping[str, Any]

# Step type -> the call that it makes, what Pipelines adds to it, and the calls that give its properties.
_CALLS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "job"}, ("DescribeProcessingJob",)),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "job"}, ("DescribeTrainingJob",)),
    "Tuning": (
        "CreateHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "job"},
        ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob"),
    ),
    "RegisterModel": ("CreateModelPackage", {}, ("DescribeModelPackage",)),
    "Model": ("CreateModel", {"ModelName": "model"}, ("DescribeModel",)),
}
_WITHOUT_CALL = {"Condition", "Fail"}
_EXECUTION = {
    "PipelineExecutionId", "PipelineExecutionArn", "PipelineName", "PipelineArn", "StartDateTime",
    "CurrentDateTime",
}  # fmt: skip


class DefinitionError(ValueError):
    """A pipeline definition would be refused, or fail half-way; the message lists every problem."""


def check(definition: Definition) -> None:
    """Raise DefinitionError if there is any problem."""
    found = problems(definition)
    if found:
        raise DefinitionError("the pipeline definition is wrong:\n  " + "\n  ".join(found))


def problems(definition: Definition) -> list[str]:
    """Every problem of a definition, each as one line that starts with the step."""
    steps = list(_walk(definition["Steps"]))
    references = _References(definition, steps)
    found: list[str] = []
    for step in steps:
        if step["Type"] in _CALLS:
            found += _argument_problems(step) + request_problems(step)
        elif step["Type"] not in _WITHOUT_CALL:
            found.append(f"{step['Name']}: step type {step['Type']!r} is not known to these checks")
        found += references.problems(step)
    names = [step["Name"] for step in steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    found += [f"{name}: two steps have this name" for name in twice]
    return found


def _walk(steps: list[Definition]) -> Iterator[Definition]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                yield from _walk(step["Arguments"].get(branch) or [])


def _argument_problems(step: Definition) -> list[str]:
    operation, added, _ = _CALLS[step["Type"]]
    shape: Shape = sagemaker().operation_model(operation).input_shape
    arguments = _Arguments(step["Name"])
    request = arguments.filled({**added, **step["Arguments"]}, shape, step["Name"])
    report = ParamValidator().validate(request, shape)
    lines = report.generate_report().splitlines() if report.has_errors() else []
    return arguments.problems + [f"{step['Name']}: {operation}: {line}" for line in lines]


class _Arguments:
    """A step's request with every reference filled by a value that fits, so that the rest can be checked."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.problems: list[str] = []

    def filled(self, value: Any, shape: Shape | None, path: str) -> Any:
        if shape is None:
            return value  # an unknown member: botocore reports it
        if _is_reference(value):
            return self._stand_in(shape, path)
        match shape.type_name, value:
            case "structure", dict():
                return {
                    key: self.filled(v, shape.members.get(key), f"{path}.{key}") for key, v in value.items()
                }
            case "map", dict():
                return {key: self.filled(v, shape.value, f"{path}[{key}]") for key, v in value.items()}
            case "list", list():
                return [self.filled(v, shape.member, f"{path}[{i}]") for i, v in enumerate(value)]
            case "string", str():
                self._check_text(value, shape, path)
            case "integer" | "long", int() if value > shape.metadata.get("max", value):
                self.problems.append(f"{path}: {value} is more than {shape.metadata['max']}")
        return value

    def _stand_in(self, shape: Shape, path: str) -> Any:
        match shape.type_name:
            case "integer" | "long":
                return max(1, shape.metadata.get("min", 1))
            case "float" | "double":
                return 1.0
            case "boolean":
                return True
            case "string":
                return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
        self.problems.append(f"{path}: a reference stands where the API wants a {shape.type_name}")
        return {} if shape.type_name != "list" else []

    def _check_text(self, value: str, shape: Shape, path: str) -> None:
        if shape.enum and value not in shape.enum:
            self.problems.append(
                f"{path}: {value!r} is none of {shape.name}: {', '.join(shape.enum[:8])} ..."
            )
        if len(value) > shape.metadata.get("max", len(value)):
            self.problems.append(f"{path}: longer than {shape.metadata['max']} characters")
        pattern = python_pattern(shape.metadata.get("pattern", ""))
        if pattern is not None and not pattern.fullmatch(value):
            self.problems.append(f"{path}: {value!r} does not match {shape.metadata['pattern']}")


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Get", "Std:"))


class _References:
    """Every `Get` of a definition, held against what it names."""

    def __init__(self, definition: Definition, steps: list[Definition]) -> None:
        self._parameters = {p["Name"]: p["Type"] for p in definition.get("Parameters", [])}
        self._steps = {step["Name"]: step for step in steps}

    def problems(self, step: Definition) -> list[str]:
        call = _CALLS.get(step["Type"])
        shape = sagemaker().operation_model(call[0]).input_shape if call else None
        unknown = [name for name in step.get("DependsOn", []) if name not in self._steps]
        found = [f"{step['Name']}: depends on {name!r}, which is no step" for name in unknown]
        return found + [
            f"{path}: {problem}"
            for path, reference, wanted in _gets(step["Arguments"], step["Name"], shape)
            if (problem := self._problem(reference, wanted, step["Name"]))
        ]

    def _problem(self, reference: str, wanted: Shape | None, own_name: str) -> str | None:
        kind, _, rest = reference.partition(".")
        match kind:
            case "Parameters":
                return self._parameter_problem(rest, wanted)
            case "Execution":
                return None if rest in _EXECUTION else f"there is no execution variable {rest!r}"
            case "Steps":
                return self._property_problem(*rest.partition(".")[::2], own_name)
        return f"{reference!r} is no reference"

    def _parameter_problem(self, name: str, wanted: Shape | None) -> str | None:
        kind = self._parameters.get(name)
        if kind is None:
            return f"parameter {name!r} is not declared"
        if wanted is not None and wanted.type_name == "string" and kind != "String":
            return f"{name!r} is of type {kind} where the API wants text; use .to_string()"
        if wanted is not None and wanted.type_name in ("integer", "long") and kind != "Integer":
            return f"{name!r} is of type {kind} where the API wants a whole number"
        return None

    def _property_problem(self, name: str, path: str, own_name: str) -> str | None:
        step = self._steps.get(name)
        if step is None:
            return f"there is no step {name!r}"
        if name == own_name:
            return "a step cannot use its own properties"
        if path.startswith("PropertyFiles."):
            files = {file["PropertyFileName"] for file in step.get("PropertyFiles", [])}
            file = path.partition(".")[2]
            return None if file in files else f"{name} has no property file {file!r}"
        if step["Type"] not in _CALLS:
            return f"{name} is a {step['Type']} step and has no properties"
        outputs = [sagemaker().operation_model(call).output_shape for call in _CALLS[step["Type"]][2]]
        if not any(leads_somewhere(shape, path) for shape in outputs):
            return f"{path!r} is not a property of a {step['Type']} step"
        return self._output_problem(step, path) or (untuned(step, path) if step["Type"] == "Tuning" else None)

    def _output_problem(self, step: Definition, path: str) -> str | None:
        """The description's shape allows any key in Outputs['...']; the step has only those that it names."""
        named = re.match(r"ProcessingOutputConfig\.Outputs\['([^']+)'\]", path)
        if named is None:
            return None
        outputs = step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", [])
        if named[1] in {output["OutputName"] for output in outputs}:
            return None
        return f"{step['Name']} has no output {named[1]!r}"


def _gets(value: Any, path: str, shape: Shape | None) -> Iterator[tuple[str, str, Shape | None]]:
    """Each reference below a value: where it is, what it says, and the shape that is wanted there."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield path, value["Get"], shape
            return
        for key, inner in value.items():
            if key not in ("IfSteps", "ElseSteps"):  # steps of their own
                yield from _gets(inner, f"{path}.{key}", member(shape, key))
    elif isinstance(value, list):
        item = shape.member if shape is not None and shape.type_name == "list" else None
        for index, inner in enumerate(value):
            yield from _gets(inner, f"{path}[{index}]", item)
