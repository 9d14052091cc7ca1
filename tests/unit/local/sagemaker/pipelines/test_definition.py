from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.sagemaker.pipelines.definition import parse_definition

Definition = dict[str, Any]


def _steps(definition: Definition) -> dict[str, Any]:
    steps = {step["Name"]: step for step in definition["Steps"]}
    return {**steps, **{s["Name"]: s for s in steps["CheckMap50"]["Arguments"]["IfSteps"]}}


def test_a_sound_definition_is_taken(definition: Definition) -> None:
    assert parse_definition(json.dumps(definition)) == definition


def _set(step: str, *path: str | int, value: Any) -> Callable[[Definition], None]:
    def change(definition: Definition) -> None:
        target = _steps(definition)[step]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


_SOURCE = ("Arguments", "InputDataConfig", 0, "DataSource", "S3DataSource", "S3Uri")
_RESOURCES = ("Arguments", "ResourceConfig")


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (_set("Train", *_SOURCE, value={"Get": "Steps.Nope.X"}), "Steps.Nope.X refers to no step"),
        (_set("Train", *_SOURCE, value={"Get": "Steps.Train.ModelArtifacts"}), "refers to itself"),
        (_set("Train", *_SOURCE, value={"Get": "Steps.Prepare.Nope"}), "step has no property 'Nope'"),
        (_set("Train", *_SOURCE, value={"Get": "Parameters.Zzz"}), "parameter Zzz is not declared"),
        (_set("Train", *_SOURCE, value={"Get": "Execution.Zzz"}), "Execution.Zzz is no execution variable"),
        (_set("Train", "Arguments", "HyperParameters", "rate", value={"Get": "Parameters.Threshold"}),
         "the Float parameter Threshold is used where text is due"),
        (_set("Train", *_RESOURCES, "InstanceType", value="ml.none"), "'ml.none' is not one of"),
        (_set("Train", *_RESOURCES, "InstanceKind", value="x"), "InstanceKind"),
        (_set("Train", "Arguments", "OutputDataConfig", value={}), "S3OutputPath"),
        (_set("Train", "DependsOn", value=["Nope"]), "DependsOn names 'Nope'"),
        (_set("Train", "Type", value="Transform"), "step Train: steps of type Transform are not served"),
        (_set("Train", "Type", value="Lambda"), "step Train: steps of type Lambda are not served"),
        (_set("Train", "Name", value="Prepare"), "two steps are named 'Prepare'"),
        (_set("CheckMap50", "Arguments", "Conditions", 0, "Type", value="Nearly"), "'Nearly' are not served"),
        (_set("CheckMap50", "Arguments", "Conditions", 0, "LeftValue", "Std:JsonGet", "PropertyFile",
              value={"Get": "Steps.Prepare.PropertyFiles.Nope"}), "is no property file"),
        (_set("Register", "Arguments", "ModelApprovalStatus", value="Maybe"), "'Maybe' is not one of"),
    ],
)  # fmt: skip
def test_a_fault_is_found_and_named(definition: Definition, fault: Any, named: str) -> None:
    fault(definition)
    with pytest.raises(AwsError) as refused:
        parse_definition(json.dumps(definition))
    assert named in refused.value.message


def test_what_is_no_definition_is_refused() -> None:
    for text, named in (("{", "not JSON"), ("[]", "no list of Steps"), ('{"Steps": []}', "Version is None")):
        with pytest.raises(AwsError, match=named):
            parse_definition(text)
