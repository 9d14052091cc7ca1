"""Model packages: what an ARN says, and whether a person's approval of it still stands."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# What is shipped, and what it was judged by. Not "all but ...": AWS adds fields to its answers, and a release
# of last year must not look changed because of one, least of all to who goes back to it.
_APPROVED_OF = ("ModelPackageArn", "CreationTime", "CustomerMetadataProperties", "SourceUri")
_SHIPPED_OF_A_CONTAINER = (
    "AdditionalModelDataSources",
    "AdditionalS3DataSource",
    "ContainerHostname",
    "Environment",
    "Image",
    "ModelDataSource",
    "ModelDataUrl",
)


class NoLongerApproved(Exception):  # noqa: N818 - the name of the state machine's outcome
    """The approval was withdrawn: nothing may be deployed any further."""


class PackageChanged(Exception):  # noqa: N818 - the name of the state machine's outcome
    """The package is not described as it was when it was approved: nobody has approved this."""


class UnusablePackage(Exception):  # noqa: N818 - the name that the state machine reports
    """The package lacks something that a promotion needs; the message says what."""


@dataclass(frozen=True)
class PackageArn:
    """The parts of `arn:<partition>:sagemaker:<region>:<account>:model-package/<group>/<version>`."""

    partition: str
    region: str
    account: str
    group: str
    version: int

    @classmethod
    def parse(cls, arn: str) -> "PackageArn":
        """Take an ARN apart; UnusablePackage if it is not that of a versioned model package."""
        parts = arn.split(":", 5)
        kind, _, name = parts[-1].partition("/")
        group, _, version = name.partition("/")
        if len(parts) != 6 or kind != "model-package" or not group or not version.isdecimal():
            raise UnusablePackage(f"{arn!r} is not the ARN of a versioned model package")
        return cls(parts[1], parts[3], parts[4], group, int(version))


def describe_approved(sagemaker: Any, arn: str) -> dict[str, Any]:
    """Describe exactly this package; NoLongerApproved unless it is approved and complete."""
    package: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    if package["ModelPackageArn"] != arn:
        raise UnusablePackage(f"asked for {arn}, was given {package['ModelPackageArn']}")
    approval = package.get("ModelApprovalStatus", "PendingManualApproval")
    if approval != "Approved":
        raise NoLongerApproved(f"{arn} is {approval}")
    if package.get("ModelPackageStatus", "Completed") != "Completed":
        raise UnusablePackage(f"{arn} is {package['ModelPackageStatus']}")
    return package


def digest(package: Mapping[str, Any]) -> str:
    """Give the SHA-256 of all in a package's description that an approval stands for."""
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or []
    described = {
        **_known(package, _APPROVED_OF),
        "Containers": [_known(one, _SHIPPED_OF_A_CONTAINER) for one in containers],
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=_spelled).encode()).hexdigest()


def require_digest(package: Mapping[str, Any], approved: str) -> None:
    """PackageChanged unless the package is described as what was approved."""
    found = digest(package)
    if found != approved:
        raise PackageChanged(
            f"{package['ModelPackageArn']} was changed after its approval: its description has the digest"
            f" {found[:12]}, approved was {approved[:12]}"
        )


def metadata(package: Mapping[str, Any], *names: str) -> dict[str, str]:
    """Pick these entries of the package's metadata; UnusablePackage names those that are missing."""
    properties: Mapping[str, str] = package.get("CustomerMetadataProperties") or {}
    missing = [name for name in names if not properties.get(name)]
    if missing:
        raise UnusablePackage(f"{package['ModelPackageArn']} has no metadata {', '.join(missing)}")
    return {name: properties[name] for name in names}


def container(package: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one inference container of the package; UnusablePackage if there is none or more."""
    containers = (package.get("InferenceSpecification") or {}).get("Containers") or []
    if len(containers) != 1:
        raise UnusablePackage(f"{package['ModelPackageArn']} has {len(containers)} containers, not one")
    found: Mapping[str, Any] = containers[0]
    return found


def _known(described: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: described[name] for name in names if described.get(name)}


def _spelled(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
