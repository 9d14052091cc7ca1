"""The Delivery stack of small apps, and what is in a Delivery template."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import yaml
from across_accounts import configuration, listed, make_app, of_kind
from cdk_nag import AwsSolutionsChecks
from cloud_assembly import Template

from stacks.edgeline import add_edgeline


def synthesize(directory: Path, delivery: dict[str, Any], **more: Any) -> dict[str, Template]:
    """Synthesize a small app, cdk-nag and all; the templates by the path of their stack."""
    app = make_app(directory)
    add_edgeline(app, configuration({}, delivery=delivery, **({"parts": ["labeling"]} | more)))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return dict(read(directory))


def read(directory: Path) -> Iterator[tuple[str, Template]]:
    for manifest in (directory / "manifest.json", *directory.glob("assembly-*/manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                file = manifest.parent / artifact["properties"]["templateFile"]
                yield artifact["displayName"], json.loads(file.read_text())


def one(template: Template, kind: str) -> dict[str, Any]:
    (properties,) = of_kind(template, kind).values()
    return properties


def pipeline(template: Template) -> dict[str, Any]:
    return one(template, "AWS::CodePipeline::Pipeline")


def actions(template: Template, stage: str) -> dict[str, dict[str, Any]]:
    found = {s["Name"]: s["Actions"] for s in pipeline(template)["Stages"]}
    return {action["Name"]: action for action in found[stage]}


def order(template: Template, stage: str) -> list[list[str]]:
    """The names of a stage's actions: those that run at the same time together, in the order of the runs."""
    runs: dict[int, list[str]] = {}
    for name, action in actions(template, stage).items():
        runs.setdefault(action["RunOrder"], []).append(name)
    return [sorted(runs[run]) for run in sorted(runs)]


def project(template: Template, action: str) -> dict[str, Any]:
    """The build project of an action."""
    (configuration,) = [
        a["Configuration"] for s in pipeline(template)["Stages"] for a in s["Actions"] if a["Name"] == action
    ]
    found: dict[str, Any] = template["Resources"][configuration["ProjectName"]["Ref"]]["Properties"]
    return found


def buildspec(template: Template, action: str) -> dict[str, Any]:
    text = project(template, action)["Source"]["BuildSpec"]
    if isinstance(text, dict):
        text = "".join(
            part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in text["Fn::Join"][1]
        )
    return dict(yaml.safe_load(text))


def policy(template: Template, role: str) -> dict[str, list[Any]]:
    """What a role or managed policy may do: resources by action."""
    allowed: dict[str, list[Any]] = {}
    for logical_id, properties in {
        **of_kind(template, "AWS::IAM::Policy"),
        **of_kind(template, "AWS::IAM::ManagedPolicy"),
    }.items():
        if logical_id.startswith(role):
            for statement in properties["PolicyDocument"]["Statement"]:
                for action in listed(statement["Action"]):
                    allowed.setdefault(action, []).extend(listed(statement["Resource"]))
    assert allowed, f"no policy begins with {role}"
    return allowed
