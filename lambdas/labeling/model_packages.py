"""Model packages as the approvers see them on the page: which wait, what there is to read, the decision."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.objects import read_json, split_uri
from lambdas.common.packages import PackageArn, UnusablePackage
from lambdas.common.proxied import Refused
from lambdas.labeling.callers import Caller

PENDING = "PendingManualApproval"
STATUS_OF = {"approve": "Approved", "reject": "Rejected"}
LONGEST_NOTE = 500
REPORT_SECONDS = 600
_WAITING, _DECIDED = 20, 3  # of one model and status
# Of either task; an evaluation has those of its own.
_METRICS = ("map50", "map50_95", "top1", "top5")
# What the registry takes in a description; control and format characters it refuses.
_ALLOWED_CATEGORIES = "LMZSNP"


@dataclass(frozen=True)
class ModelPackages:
    """The packages of these models; `groups` is the group of each model's packages, `who` decides."""

    groups: Mapping[str, str]
    bucket: str
    sagemaker: Any
    s3: Any

    def listed(self) -> list[dict[str, Any]]:
        """Those that wait first, then the newest that were decided on; each newest first."""
        found = [self._described(model, arn) for model in self.groups for arn in self._arns(model)]
        found.sort(key=lambda package: package["created_at"], reverse=True)
        return sorted(found, key=lambda package: package["status"] != PENDING)

    def decide(self, arn: str, decision: str, note: str, caller: Caller) -> None:
        """Approve or reject a package that waits, in the caller's name.

        The same decision again is accepted. Refused: 404 for what is no package of these models, 409 for one
        that does not wait, or that somebody else decided on at the same moment.
        """
        package = self._package(arn)
        decided = {
            "ModelApprovalStatus": STATUS_OF[decision],
            "ApprovalDescription": f"{_name(caller)}: {note}",
        }
        if package["ModelApprovalStatus"] == PENDING:
            self._update(arn, decided)
            package = self._package(arn)
        if any(package.get(name) != value for name, value in decided.items()):
            said = f" ({package['ApprovalDescription']})" if package.get("ApprovalDescription") else ""
            raise Refused(409, f"this version waits no longer: it is {package['ModelApprovalStatus']}{said}")

    def _arns(self, model: str) -> Iterator[str]:
        for status, most in ((PENDING, _WAITING), ("Approved", _DECIDED), ("Rejected", _DECIDED)):
            page = self.sagemaker.list_model_packages(
                ModelPackageGroupName=self.groups[model],
                ModelApprovalStatus=status,
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=most,
            )
            yield from (summary["ModelPackageArn"] for summary in page["ModelPackageSummaryList"])

    def _described(self, model: str, arn: str) -> dict[str, Any]:
        package = self.sagemaker.describe_model_package(ModelPackageName=arn)
        version = PackageArn.parse(arn).version
        cycle = package.get("ModelLifeCycle") or {}
        return {
            "arn": arn,
            "model": model,
            "version": version,
            "status": package["ModelApprovalStatus"],
            "created_at": package["CreationTime"].isoformat(timespec="seconds"),
            "remark": package.get("ApprovalDescription") or "",
            "stage": {
                "name": cycle.get("Stage", ""),
                "status": cycle.get("StageStatus", ""),
                "description": cycle.get("StageDescription", ""),
            },
            "metrics": self._metrics(package),
            "report_url": self._report(model, version),
        }

    def _metrics(self, package: Mapping[str, Any]) -> dict[str, float]:
        """Read the numbers that the package was registered with; none where they cannot be read."""
        uri = (package.get("CustomerMetadataProperties") or {}).get("evaluation", "")
        try:
            if split_uri(uri)[0] != self.bucket:
                return {}
            evaluation = read_json(self.s3, uri)
            return {name: float(evaluation[name]) for name in _METRICS if evaluation.get(name) is not None}
        except (ClientError, ValueError, TypeError):
            return {}

    def _report(self, model: str, version: int) -> str | None:
        """Sign the address of the newest page that asks for this approval; None while there is none."""
        prefix = f"releases/{model}/{version}/approval"
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        pages = [page for page in found if page["Key"].endswith(".html")]
        if not pages:
            return None
        key = max(pages, key=lambda page: page["LastModified"])["Key"]
        params = {"Bucket": self.bucket, "Key": key}
        return str(self.s3.generate_presigned_url("get_object", Params=params, ExpiresIn=REPORT_SECONDS))

    def _package(self, arn: str) -> dict[str, Any]:
        try:
            if PackageArn.parse(arn).group not in self.groups.values():
                raise Refused(404, "there is no such model package")
            package: dict[str, Any] = self.sagemaker.describe_model_package(ModelPackageName=arn)
        except UnusablePackage:
            raise Refused(404, "there is no such model package") from None
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ValidationException", "AccessDeniedException"):
                raise Refused(404, "there is no such model package") from None
            raise
        return package

    def _update(self, arn: str, decided: Mapping[str, str]) -> None:
        try:
            self.sagemaker.update_model_package(ModelPackageArn=arn, **decided)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConflictException":
                raise


def checked_note(value: Any) -> str:
    """The note on one line, in characters that the registry takes; Refused without one or for a long one."""
    text = value if isinstance(value, str) else ""
    words = "".join(
        letter if letter.isspace() or unicodedata.category(letter)[0] in _ALLOWED_CATEGORIES else ""
        for letter in text
    ).split()
    note = " ".join(words)
    if not note or len(note) > LONGEST_NOTE:
        raise Refused(400, f"note: say why, in at most {LONGEST_NOTE} characters")
    return note


def _name(caller: Caller) -> str:
    """The caller's name, where it can be told apart from the note and from a principal's ARN."""
    if caller.name.split() != [caller.name] or caller.name.startswith("arn:"):
        raise Refused(403, f"{caller.name} cannot stand in a release's record: ask for another username")
    return caller.name
