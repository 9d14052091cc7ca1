from __future__ import annotations

import json
from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.sagemaker.pipelines.expressions import ExpressionError, Scope, dig, path_parts, typed_parameters

_PREPARED = {
    "ProcessingOutputConfig": {
        "Outputs": [
            {"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}},
            {"OutputName": "report", "S3Output": {"S3Uri": "s3://b/report/"}},
        ]
    }
}


def _scope(read: dict[str, str] | None = None) -> Scope:
    scope = Scope(
        {"Threshold": 0.6, "Name": "tags"},
        {"PipelineExecutionId": "abc"},
        {"Prepare": {"Report": {"OutputName": "report", "FilePath": "report.json"}}},
        lambda uri: (read or {})[uri],
    )
    scope.properties["Prepare"] = _PREPARED
    return scope


def test_a_path_picks_by_member_name_and_number() -> None:
    assert path_parts("A.b['c d'][0].E") == ["A", "b", "c d", 0, "E"]
    assert dig(_PREPARED, "ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri") == "s3://b/train"
    assert dig(_PREPARED, "ProcessingOutputConfig.Outputs[1].OutputName") == "report"
    with pytest.raises(ExpressionError, match="'validation'"):
        dig(_PREPARED, "ProcessingOutputConfig.Outputs['validation']")


def test_values_are_worked_out_all_the_way_down() -> None:
    joined = {"Std:Join": {"On": "/", "Values": ["s3:/", "b", {"Get": "Execution.PipelineExecutionId"}, 1]}}
    assert _scope().value({"a": [joined, {"Get": "Parameters.Threshold"}]}) == {"a": ["s3://b/abc/1", 0.6]}


def test_json_get_reads_a_property_file() -> None:
    scope = _scope({"s3://b/report/report.json": json.dumps({"map": {"50": [0.1, 0.7]}})})
    get = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "map['50'][1]"}
    }
    assert scope.value(get) == 0.7
    get["Std:JsonGet"]["Path"] = "map['95']"
    with pytest.raises(ExpressionError, match=r"s3://b/report/report.json.*'95'"):
        scope.value(get)


def test_a_step_that_has_not_run_has_no_properties() -> None:
    with pytest.raises(ExpressionError, match="step Train has not run"):
        _scope().value({"Get": "Steps.Train.ModelArtifacts"})


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        (
            {"Type": "GreaterThanOrEqualTo", "LeftValue": {"Get": "Parameters.Threshold"}, "RightValue": 0.6},
            True,
        ),
        ({"Type": "GreaterThan", "LeftValue": {"Get": "Parameters.Threshold"}, "RightValue": 0.6}, False),
        ({"Type": "LessThan", "LeftValue": 1, "RightValue": 2}, True),
        ({"Type": "LessThanOrEqualTo", "LeftValue": 3, "RightValue": 2}, False),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Name"}, "Values": ["tags"]}, True),
        ({"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": 1, "RightValue": 1}}, False),
        ({"Type": "Or", "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]}, True),
    ],
)
def test_conditions(condition: dict[str, Any], true: bool) -> None:
    assert _scope().holds(condition) is true


def test_what_cannot_be_compared_is_named() -> None:
    with pytest.raises(ExpressionError, match="'x' and 1 cannot be compared"):
        _scope().holds({"Type": "GreaterThan", "LeftValue": "x", "RightValue": 1})


def test_parameters_have_types_defaults_and_enumerations() -> None:
    declared = [
        {"Name": "steps", "Type": "Integer", "DefaultValue": 10},
        {"Name": "rate", "Type": "Float"},
        {"Name": "fast", "Type": "Boolean", "DefaultValue": "true"},
        {"Name": "kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
    ]
    assert typed_parameters(declared, {"rate": "0.5"}) == {
        "steps": 10,
        "rate": 0.5,
        "fast": True,
        "kind": "a",
    }
    for given, named in (
        ({}, "rate has no value"),
        ({"rate": "fast"}, "'fast' is no Float"),
        ({"rate": "1", "kind": "c"}, "'c' is not one of"),
        ({"rate": "1", "x": "1"}, "Unknown pipeline parameters: x"),
    ):
        with pytest.raises(AwsError, match=named):
            typed_parameters(declared, given)
