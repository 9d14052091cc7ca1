"""The model registry: groups, versions, their approval, and the events that follow from it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.ministack_accounts import account_of_arn
from local.sagemaker.events import emit, iso
from local.sagemaker.model import answer
from local.sagemaker.refuse import refuse_given
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_EVENT_FIELDS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "ApprovalDescription",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
    "LastModifiedTime",
)
_SUMMARY_FIELDS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
)
_GROUP_FIELDS = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
)


class Registry:
    """Model package groups and the versions in them."""

    def __init__(
        self, cloud: LocalCloud, tags: Tags, elsewhere: Callable[[str], Registry] | None = None
    ) -> None:
        """`elsewhere` gives the registry of another account."""
        self._cloud, self._tags, self._elsewhere = cloud, tags, elsewhere
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}
        self._tokens: dict[str, str] = {}
        self._groups = Table(
            worded(lambda name: f"ModelPackageGroup {name} does not exist."),
            worded(lambda name: f"Model Package Group already exists: {name}"),
            cased=True,
        )
        self._packages = Table(
            worded(lambda name: f"ModelPackage {name} does not exist."),
            worded(lambda name: f"ModelPackage {name} already exists."),
            cased=True,
        )

    def create_model_package_group(self, call: Call, **request: Any) -> Record:
        """Serve CreateModelPackageGroup."""
        name = request["ModelPackageGroupName"]
        arn = call.arn("sagemaker", f"model-package-group/{name}")
        tags = request.pop("Tags", [])
        made = {"CreationTime": now(), "CreatedBy": _who(call), "ModelPackageGroupStatus": "Completed"}
        self._groups.add(name, {**request, "ModelPackageGroupArn": arn, **made})
        self._tags.keep(arn, tags)
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, call: Call, *, ModelPackageGroupName: str) -> Record:  # noqa: N803
        """Serve DescribeModelPackageGroup."""
        return answer("DescribeModelPackageGroup", self._groups.get(last_part(ModelPackageGroupName)))

    def group_policy(self, name: str) -> str | None:
        """Give a group's resource policy; None where it has none, or is not there."""
        try:
            policy: str | None = self._groups.get(name).get("ResourcePolicy")
        except AwsError:
            return None
        return policy

    def keep_group_policy(self, name: str, policy: str | None) -> None:
        """Keep a group's resource policy, or forget it; it goes with its group."""
        self._groups.update(name, ResourcePolicy=policy)

    def list_model_package_groups(self, call: Call, **params: Any) -> Record:
        """Serve ListModelPackageGroups."""
        return listing(
            self._groups.records(),
            params,
            name="ModelPackageGroupName",
            member="ModelPackageGroupSummaryList",
            fields=_GROUP_FIELDS,
        )

    def delete_model_package_group(self, call: Call, *, ModelPackageGroupName: str) -> None:  # noqa: N803
        """Serve DeleteModelPackageGroup; like AWS, only an empty group can be deleted."""
        name = last_part(ModelPackageGroupName)
        self._groups.get(name)
        if any(package["ModelPackageGroupName"] == name for package in self._packages.records()):
            raise AwsError("ConflictException", f"ModelPackageGroup {name} still has model packages.")
        self._tags.forget(self._groups.remove(name)["ModelPackageGroupArn"])

    def create_model_package(self, call: Call, **request: Any) -> Record:
        """Serve CreateModelPackage for a version of a group."""
        refuse_given("CreateModelPackage", request, "ModelPackageName", "ValidationSpecification")
        refuse_given("CreateModelPackage", request, "SourceAlgorithmSpecification", "SourceUri")
        if not request.get("ModelPackageGroupName"):
            raise AwsError("ValidationException", "CreateModelPackage needs ModelPackageGroupName")
        group = self._groups.get(last_part(request["ModelPackageGroupName"]))["ModelPackageGroupName"]
        token = request.pop("ClientToken", None)
        with self._lock:
            if token in self._tokens:
                return {"ModelPackageArn": self._tokens[token]}
            version = self._versions[group] = self._versions.get(group, 0) + 1
            arn = call.arn("sagemaker", f"model-package/{group}/{version}")
            if token:
                self._tokens[token] = arn
        self._tags.keep(arn, request.pop("Tags", []))
        self._packages.add(arn, _package(call, group, version, arn, request))
        self._emit(arn)
        return {"ModelPackageArn": arn}

    def describe_model_package(self, call: Call, *, ModelPackageName: str, **more: Any) -> Record:  # noqa: N803
        """Serve DescribeModelPackage for the ARN of a version."""
        return answer("DescribeModelPackage", self._packages.get(ModelPackageName))

    def package(self, arn: str) -> Record:
        """Give a version's record, of whichever account it is."""
        owner = account_of_arn(arn)
        if self._elsewhere and owner not in (None, self._cloud.account):
            return self._elsewhere(str(owner)).package(arn)
        return self._packages.get(arn)

    def update_model_package(self, call: Call, *, ModelPackageArn: str, **changes: Any) -> Record:  # noqa: N803
        """Serve UpdateModelPackage; the event names the fields that it was given."""
        refuse_given("UpdateModelPackage", changes, "AdditionalInferenceSpecificationsToAdd", "SourceUri")
        package = self._packages.get(ModelPackageArn)
        updated = [name for name in changes if name != "ClientToken"]
        metadata = {
            **package.get("CustomerMetadataProperties", {}),
            **changes.pop("CustomerMetadataProperties", {}),
        }
        for name in changes.pop("CustomerMetadataPropertiesToRemove", []):
            metadata.pop(name, None)
        changed = {"LastModifiedTime": now(), "LastModifiedBy": _who(call), **changes}
        self._packages.update(ModelPackageArn, CustomerMetadataProperties=metadata or None, **changed)
        self._emit(ModelPackageArn, updated)
        return {"ModelPackageArn": ModelPackageArn}

    def list_model_packages(self, call: Call, **params: Any) -> Record:
        """Serve ListModelPackages, of one group or of all."""
        group = last_part(params.get("ModelPackageGroupName", ""))
        approval = params.get("ModelApprovalStatus")
        chosen = [
            package
            for package in self._packages.records()
            if group in ("", package["ModelPackageGroupName"])
            and approval in (None, package["ModelApprovalStatus"])
        ]
        return listing(
            chosen, params, name="ModelPackageArn", member="ModelPackageSummaryList", fields=_SUMMARY_FIELDS
        )

    def delete_model_package(self, call: Call, *, ModelPackageName: str) -> None:  # noqa: N803
        """Serve DeleteModelPackage; its number is never given again."""
        self._packages.remove(ModelPackageName)
        self._tags.forget(ModelPackageName)

    def _emit(self, arn: str, updated: list[str] | None = None) -> None:
        package = self._packages.get(arn)
        detail = {name: package.get(name) for name in _EVENT_FIELDS}
        for field in ("CreationTime", "LastModifiedTime"):
            detail[field] = iso(package[field])
        detail["ModelPackageStatusDetails"] = {"ValidationStatuses": [], "ImageScanStatuses": []}
        detail["UpdatedModelPackageFields"] = updated
        emit(self._cloud, "Model Package State Change", detail, [arn])


def _package(call: Call, group: str, version: int, arn: str, request: Record) -> Record:
    time = now()
    return {
        "ModelApprovalStatus": "PendingManualApproval",
        "CertifyForMarketplace": False,
        **request,
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelPackageArn": arn,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": time,
        "LastModifiedTime": time,
        "CreatedBy": _who(call),
        "LastModifiedBy": _who(call),
    }


def _who(call: Call) -> Record:
    return {"IamIdentity": {"Arn": call.principal_arn, "PrincipalId": call.access_key}}


def last_part(name_or_arn: str) -> str:
    """Give the name of what is named by its name or its ARN."""
    return name_or_arn.rsplit("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
