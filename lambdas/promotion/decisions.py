"""What a person decided about a model package: read from the event, and from the registry as it is then.

The registry names the principal that changed the package. For the page on which approvers decide, that is
one function for all of them (lambdas/labeling/serve_packages.py): it writes `<name>: <note>` as the
description of its decision. The name is believed where that function's role wrote it, and from nobody else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.packages import PackageArn, digest


@dataclass(frozen=True)
class Decision:
    """An approval or a rejection: of which package, when (to the millisecond if it is known), by whom.

    `by` is empty where the package has been changed since, and the registry knows only who did that.
    """

    package: str
    group: str
    version: int
    at: str
    by: str
    digest: str


def is_decision(detail: Mapping[str, Any], package: Mapping[str, Any]) -> bool:
    """Tell a decision from any other change to a package, which sends the same event.

    Where the event does not say what has changed, a package with a life cycle may have changed by our own
    mark: to take that for an approval would promote it for ever.
    """
    changed = detail.get("UpdatedModelPackageFields")
    return "ModelApprovalStatus" in changed if changed else "ModelLifeCycle" not in package


def decision(event: Mapping[str, Any], package: Mapping[str, Any], *, page_role: str) -> Decision:
    """Join the event of a decision with the package's description; `page_role` names the page's role."""
    arn = event["detail"]["ModelPackageArn"]
    parts = PackageArn.parse(arn)
    decided = datetime.fromisoformat(event["detail"].get("LastModifiedTime") or event["time"])
    modified = package.get("LastModifiedTime")
    # Events tell whole seconds.
    unchanged = modified is not None and modified < decided + timedelta(seconds=1)
    return Decision(
        package=arn,
        group=parts.group,
        version=parts.version,
        at=_stamp(modified if modified is not None and unchanged else decided),
        by=_decided_by(package, parts, page_role) if unchanged else "",
        digest=digest(package),
    )


def _decided_by(package: Mapping[str, Any], arn: PackageArn, page_role: str) -> str:
    by = _last_modifier(package)
    role = f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{page_role}/"
    named = _NAMED.match(package.get("ApprovalDescription") or "")
    # A name that looks like an ARN would be taken for a principal: nobody is called that.
    if not by.startswith(role) or named is None or named[1].startswith("arn:"):
        return by
    return named[1]


# A username has no space in it.
_NAMED = re.compile(r"(\S+): ")


def _last_modifier(package: Mapping[str, Any]) -> str:
    by = package.get("LastModifiedBy") or {}
    return str((by.get("IamIdentity") or {}).get("Arn") or by.get("UserProfileArn") or "")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
