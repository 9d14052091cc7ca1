"""Reading what `cdk synth` leaves: all that is nested, and one line where it is broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checks.assembly import BrokenAssemblyError, read_assembly
from checks.intrinsics import Resolver


def stack_artifact(name: str, environment: str = "aws://unknown-account/unknown-region") -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "environment": environment,
        "displayName": name,
        "properties": {"templateFile": f"{name}.template.json", "stackName": f"line-{name.lower()}"},
    }


def write(folder: Path, artifacts: dict[str, Any], **templates: Any) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"version": "1", "artifacts": artifacts}))
    for name, template in templates.items():
        (folder / f"{name}.template.json").write_text(json.dumps(template))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Tools"}}
    write(tmp_path, {"Delivery": stack_artifact("Delivery"), "Tools": nested}, Delivery={"Resources": {}})
    own = stack_artifact("Data", "aws://444455556666/eu-north-1")
    bucket = {"Type": "AWS::S3::Bucket", "Metadata": {"aws:cdk:path": "Tools/Data/Images/Resource"}}
    write(tmp_path / "assembly-Tools", {"Data": own}, Data={"Resources": {"Images": bucket}})
    return tmp_path


def test_the_stacks_of_every_stage_are_read(folder: Path) -> None:
    assembly = read_assembly(folder)
    assert [(stack.path, stack.name) for stack in assembly.stacks] == [
        ("Delivery", "line-delivery"),
        ("Data", "line-data"),
    ]
    assert [(stack.account, stack.region) for stack in assembly.stacks] == [
        ("111122223333", "eu-west-1"),
        ("444455556666", "eu-north-1"),
    ]
    (bucket,) = assembly.resources("AWS::S3::Bucket")
    assert bucket.where == "Tools/Data/Images/Resource"
    assert bucket.properties == {}


def test_nested_stacks_are_read(folder: Path) -> None:
    stage = folder / "assembly-Tools"
    (stage / "Inner.nested.template.json").write_text(
        json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
    )
    files = {"0": {"source": {"path": "Inner.nested.template.json"}}, "1": {"source": {"path": "asset.1"}}}
    (stage / "Data.assets.json").write_text(json.dumps({"files": files}))
    (queue,) = read_assembly(folder).resources("AWS::SQS::Queue")
    assert queue.where == "Data/Inner/Q"


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("manifest.json", None, "no manifest.json"),
        ("manifest.json", "{", "not readable as JSON"),
        ("manifest.json", "[]", "not what cdk synth writes"),
        ("manifest.json", '{"artifacts": {}}', "has no stack"),
        ("assembly-Tools/manifest.json", None, "is missing"),
        ("assembly-Tools/Data.template.json", None, "is missing"),
        ("assembly-Tools/Data.template.json", "AWSTemplateFormatVersion: 1", "not readable as JSON"),
    ],
)
def test_a_broken_assembly_is_one_line(folder: Path, file: str, content: str | None, says: str) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(BrokenAssemblyError) as raised:
        read_assembly(folder)
    assert says in str(raised.value)
    assert "cdk synth" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::444455556666:role/line-data-Role"),
        ({"Ref": "Images"}, "line-data-images"),
        ({"Ref": "Machine"}, "arn:aws:states:eu-north-1:444455556666:stateMachine:line-data-Machine"),
        ({"Ref": "Named"}, "given"),
        ({"Ref": "AWS::Region"}, "eu-north-1"),
        ({"Ref": "Size"}, "small"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::AccountId"}]]}, "a-444455556666"),
        ({"Fn::Sub": "${AWS::Partition}:${Images}:${Role.Arn}:${!kept}"},
         "aws:line-data-images:arn:aws:iam::444455556666:role/line-data-Role:${kept}"),
        ({"Fn::Sub": ["${A}-${B}", {"A": {"Ref": "Images"}, "B": "b"}]}, "line-data-images-b"),
        ({"Fn::Select": [1, {"Fn::Split": ["/", "a/b/c"]}]}, "b"),
        ({"Fn::If": ["Condition", "yes", "no"]}, "yes"),
        ({"Fn::ImportValue": "shared"}, "line-data-images"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"Refs": "kept", "Fn": 1}, {"Refs": "kept", "Fn": 1}),
    ],
)  # fmt: skip
def test_references_are_filled_in(folder: Path, value: Any, resolved: Any) -> None:
    kinds = {
        "Images": "AWS::S3::Bucket",
        "Role": "AWS::IAM::Role",
        "Machine": "AWS::StepFunctions::StateMachine",
    }
    resources: dict[str, Any] = {name: {"Type": kind} for name, kind in kinds.items()}
    resources["Named"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "given"}}
    template = {
        "Parameters": {"Size": {"Type": "String", "Default": "small"}},
        "Resources": resources,
        "Outputs": {"Shared": {"Value": {"Ref": "Images"}, "Export": {"Name": "shared"}}},
    }
    (folder / "assembly-Tools/Data.template.json").write_text(json.dumps(template))
    assembly = read_assembly(folder)
    assert Resolver(assembly).resolve(assembly.stacks[1], value) == resolved
