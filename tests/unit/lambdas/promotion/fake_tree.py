"""A registry, label maps and a ledger of one tree, kept in memory."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import ConditionExpressionBuilder
from botocore.exceptions import ClientError

from lambdas.common.packages import digest
from lambdas.promotion.check_artifacts import labels_sha256

ACCOUNT = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"
MEMBERS = ("flowers", "birds", "species")
TREE = {"parent": "species", "children": ["flowers", "birds"]}


def arn(model: str, version: int) -> str:
    return f"{ACCOUNT}/edgeline-{model}/{version}"


def models() -> str:
    """MODELS as the stack writes it."""
    told = {"classes": [], "tolerance": 0.02, "test_instance": "ml.m5.large", "task": "classification"}
    return json.dumps(
        {
            model: {
                **told,
                "group": f"edgeline-{model}",
                "tree": TREE,
                "endpoints": {
                    place: {"name": f"edgeline-{model}-{place}", "variant": {}}
                    for place in ("staging", "prod")
                },
            }
            for model in MEMBERS
        }
    )


class FakeTable:
    """The ledger's table; conditions are those that held.py and ledger.py write."""

    class meta:  # noqa: N801 - as boto3 names it
        class client:  # noqa: N801
            class exceptions:  # noqa: N801
                ConditionalCheckFailedException = KeyError

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def Table(self, name: str) -> "FakeTable":  # noqa: N802 - as boto3 names it
        assert name == "releases"
        return self

    def put_item(
        self,
        *,
        Item: dict[str, Any],  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any] | None = None,  # noqa: N803
    ) -> None:
        key = (Item["model"], Item["promoted_at"])
        known = self.items.get(key)
        if known and ConditionExpression and known["approved_at"] > (ExpressionAttributeValues or {})[":at"]:
            raise KeyError("ConditionalCheckFailed")
        self.items[key] = Item

    def delete_item(
        self,
        *,
        Key: Mapping[str, str],  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
    ) -> None:
        assert ConditionExpression == "model_package_arn = :package"
        key = (Key["model"], Key["promoted_at"])
        if self.items.get(key, {}).get("model_package_arn") != ExpressionAttributeValues[":package"]:
            raise KeyError("ConditionalCheckFailed")
        del self.items[key]

    def query(
        self,
        *,
        KeyConditionExpression: Any,  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
        ScanIndexForward: bool = True,  # noqa: N803
    ) -> dict[str, Any]:
        assert ConsistentRead
        built = ConditionExpressionBuilder().build_expression(KeyConditionExpression, True)
        (line,) = built.attribute_value_placeholders.values()
        keys = sorted((key for key in self.items if key[0] == line), reverse=not ScanIndexForward)
        return {"Items": [self.items[key] for key in keys]}


class FakeTree:
    """Packages with their label maps; who describes one that is gone is told so as by SageMaker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = FakeTable()
        self.packages: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        monkeypatch.setattr(boto3, "client", lambda service: self)
        monkeypatch.setattr(boto3, "resource", lambda service: self.table)
        monkeypatch.setenv("RELEASES_TABLE", "releases")
        monkeypatch.setenv("MODELS", models())

    def register(
        self,
        model: str,
        version: int,
        labels: Sequence[str],
        expects: Mapping[str, Sequence[str]] | None = None,
        *,
        approval: str = "Approved",
    ) -> str:
        package, test_set = arn(model, version), f"s3://artifacts/runs/{model}/{version}/test"
        children = {
            child: {"model": child, "classes": list(names)} for child, names in (expects or {}).items()
        }
        self.objects[f"{test_set}/label_map.json"] = json.dumps(
            {"labels": list(labels), "children": children}
        ).encode()
        fits = {f"fits_{child}": labels_sha256(names) for child, names in (expects or {}).items()}
        self.packages[package] = {
            "ModelPackageArn": package,
            "ModelApprovalStatus": approval,
            "CreationTime": datetime(2026, 11, 21, 16, 30, version, tzinfo=UTC),
            "CustomerMetadataProperties": {
                "test_set": test_set,
                "label_map_sha256": labels_sha256(labels),
                **fits,
            },
        }
        return package

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        if ModelPackageName not in self.packages:
            error = {"Code": "ValidationException", "Message": "ModelPackage does not exist."}
            raise ClientError({"Error": error}, "DescribeModelPackage")
        return self.packages[ModelPackageName]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"])}

    def approval(self, package: str, at: str = "2026-11-21T17:00:00.000Z") -> dict[str, Any]:
        """What start_promotion says of an approval."""
        return {
            "purpose": "promote",
            "model": package.split("/")[1].removeprefix("edgeline-"),
            "model_package_arn": package,
            "digest": digest(self.packages[package]),
            "approved_at": at,
            "approved_by": "arn:approver",
            "event_id": "event",
            "turn": {"line": "promotion of tree species"},
        }


def endpoints(**packages: str | None) -> dict[str, dict[str, Any]]:
    """What an environment serves, as read_tree says."""
    return {
        model: {"endpoint": f"edgeline-{model}", "model_package": packages.get(model)} for model in MEMBERS
    }


def tree_of(prod: Mapping[str, str | None], staging: Mapping[str, str | None] | None = None) -> Any:
    """`tree` in the state of a release."""
    return {"prod": endpoints(**prod), "staging": endpoints(**(prod if staging is None else staging))}
