"""The whole app, synthesized for one, two and three accounts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from config import Edgeline
from stacks.edgeline import add_edgeline

ROOT = Path(__file__).parents[2]
TOOLS, STAGING, PROD = "111111111111", "222222222222", "333333333333"
REGION = "eu-west-1"
SETTINGS = {
    "one": {"tools": TOOLS},
    "two": {"tools": TOOLS, "prod": PROD},
    "workloads together": {"tools": TOOLS, "staging": PROD, "prod": PROD},
    "three": {"tools": TOOLS, "staging": STAGING, "prod": PROD},
}
Templates = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Across:
    """`accounts` of `tools`, `staging` and `prod`; templates by the stack's path, such as `Tools/Data`."""

    accounts: dict[str, str]
    directory: Path
    templates: Templates

    @property
    def everyone(self) -> set[str]:
        return set(self.accounts.values())

    def serving(self, environment: str) -> dict[str, Any]:
        return self.templates[f"{environment.capitalize()}/Serving"]


def across(setting: str, directory: Path) -> Across:
    given = SETTINGS[setting]
    accounts = {name: given.get(name, TOOLS) for name in ("tools", "staging", "prod")}
    return Across(accounts, directory, synthesize(directory, given))


def configuration(accounts: dict[str, str], **more: Any) -> Edgeline:
    given = {**accounts, "region": REGION} if accounts else {}
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    return Edgeline.from_values({"name": "edgeline", "accounts": given, "models": models, **more})


def make_app(directory: Path) -> cdk.App:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return cdk.App(outdir=str(directory), context=context, analytics_reporting=False)


def synthesize(directory: Path, accounts: dict[str, str]) -> Templates:
    """Templates by the stack's path; joins of texts and of the partition are one text."""
    app = make_app(directory)
    add_edgeline(app, configuration(accounts, delivery={}))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return dict(_read(directory))


def _read(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for manifest in (directory / "manifest.json", *directory.glob("assembly-*/manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                file = manifest.parent / artifact["properties"]["templateFile"]
                yield artifact["displayName"], _joined(json.loads(file.read_text()))


def _joined(value: Any) -> Any:
    if isinstance(value, list):
        return [_joined(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == {"Ref": "AWS::Partition"}:
        return "aws"
    filled = {key: _joined(item) for key, item in value.items()}
    if list(filled) == ["Fn::Join"] and all(isinstance(part, str) for part in filled["Fn::Join"][1]):
        return filled["Fn::Join"][0].join(filled["Fn::Join"][1])
    return filled


def role(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/edgeline-{name}"


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_kind(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {key: r["Properties"] for key, r in template["Resources"].items() if r["Type"] == kind}


def statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    """What the template's roles and managed policies may do."""
    documents = [
        properties["PolicyDocument"]
        for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        for properties in of_kind(template, kind).values()
    ]
    return [statement for document in documents for statement in document["Statement"]]


def trusts(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Trust policies of the roles with a name, by that name."""
    return {
        properties["RoleName"]: properties["AssumeRolePolicyDocument"]["Statement"]
        for properties in of_kind(template, "AWS::IAM::Role").values()
        if "RoleName" in properties
    }
