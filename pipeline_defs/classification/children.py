"""The children that a parent's evaluation routes to: exact versions, found when the training starts.

For the evaluation alone. Nothing ships by it: what is promoted together is decided when a person has approved
it, from the label maps that the packages themselves name.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline_defs.classification.label_map import ChildMap
from pipeline_defs.classification.settings import label_map, settings_of
from pipeline_defs.common.job import JobError
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.task import Clients

_USABLE = ("PendingManualApproval", "Approved")


@dataclass(frozen=True)
class Child:
    """The model that answers for a group: its package, and where its model.tar.gz lies."""

    group: str
    model: str
    model_package_arn: str
    model_data: str


def resolve_children(clients: Clients, settings: Settings, wanted: str = "") -> str:
    """Write which children there are, and return the file's URI: "" where there are none.

    A child is the version that `wanted` names, as in `flowers=3,trees=12`, else its newest whose labels are
    those that the parent expects; rejected ones are left out. Raises SettingsError for a version that is
    wanted and cannot be.
    """
    versions = _versions(wanted, settings)
    found, missing = [], []
    for group, expected in label_map(settings_of(settings.model)).children.items():
        packages = _Packages(clients.sagemaker, _group_of(settings, expected.model))
        version = versions.pop(expected.model, None)
        child = (
            packages.newest(group, expected) if version is None else packages.one(group, expected, version)
        )
        if child is None:
            missing.append(expected.model)
        else:
            found.append(child)
    if versions:
        raise SettingsError(f"{', '.join(versions)}: no child of {settings.model.name!r}")
    if missing:
        print(
            f"model {settings.model.name}: the evaluation routes to no {', '.join(missing)}: "
            "no version with the expected labels is there yet",
            file=sys.stderr,
        )
    return _store(clients.s3, settings, found) if found else ""


def children_json(children: Sequence[Child]) -> str:
    """Return the file's content."""
    return json.dumps({"children": [asdict(child) for child in children]}, indent=1)


def children_from(text: str, where: str) -> list[Child]:
    """Read the file's content; raises JobError naming `where`."""
    try:
        return [Child(**child) for child in json.loads(text)["children"]]
    except (ValueError, KeyError, TypeError) as error:
        raise JobError(f"{where}: not a list of children: {error!r}") from error


def _group_of(settings: Settings, model: str) -> str:
    if model not in settings.groups:
        raise SettingsError(f"child {model!r} of {settings.model.name!r} is not in MODEL_CONFIG")
    return settings.groups[model]


class _Packages:
    """The versions of a child."""

    def __init__(self, sagemaker: Any, package_group: str) -> None:
        self._sagemaker, self._package_group = sagemaker, package_group

    def newest(self, group: str, expected: ChildMap) -> Child | None:
        """Return the newest version that fits."""
        fitting = (self._child(arn, group, expected) for arn in self._arns())
        return next((child for child in fitting if child), None)

    def one(self, group: str, expected: ChildMap, version: int) -> Child:
        """Return this version; SettingsError where it is not there, is rejected or does not fit."""
        arns = [arn for arn in self._arns() if arn.endswith(f"/{version}")]
        child = self._child(arns[0], group, expected) if arns else None
        if child is None:
            raise SettingsError(
                f"version {version} of {expected.model!r} is not there, is rejected, or has other labels"
            )
        return child

    def _child(self, arn: str, group: str, expected: ChildMap) -> Child | None:
        package = self._sagemaker.describe_model_package(ModelPackageName=arn)
        says = package.get("CustomerMetadataProperties", {})
        if says.get("label_map_sha256") != expected.label_map_sha256:
            return None
        (container,) = package["InferenceSpecification"]["Containers"]
        return Child(group, expected.model, arn, container["ModelDataUrl"])

    def _arns(self) -> Iterator[str]:
        """Give the versions that are pending or approved, the newest first."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._package_group, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                if summary["ModelApprovalStatus"] in _USABLE:
                    yield summary["ModelPackageArn"]


def _versions(wanted: str, settings: Settings) -> dict[str, int]:
    pairs = [each.partition("=")[::2] for each in wanted.split(",") if each]
    try:
        return {model.strip(): int(version) for model, version in pairs}
    except ValueError:
        raise SettingsError(
            f"children of {settings.model.name!r}: {wanted!r} is not like flowers=3,trees=12"
        ) from None


def _store(s3: Any, settings: Settings, children: Sequence[Child]) -> str:
    content = children_json(children).encode("utf-8")
    name = hashlib.sha256(content).hexdigest()[:32]
    key = f"runs/{settings.model.name}/children/{name}.json"
    s3.put_object(Bucket=settings.artifacts_bucket, Key=key, Body=content, ContentType="application/json")
    return f"s3://{settings.artifacts_bucket}/{key}"
