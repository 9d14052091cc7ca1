"""SageMaker endpoints as the promotion sees them: what they run, and how they come to run something else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from lambdas.promotion.settings import EndpointSettings

LONGEST_NAME = 63
VARIANT = "AllTraffic"
NO_TAGS: Mapping[str, str] = MappingProxyType({})
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")
# How often an update waits for the bake time: after the canary and the whole, or after each batch of copies,
# which are three where their number is odd.
MOST_BAKES = 3


class EndpointBusy(Exception):  # noqa: N818 - retried by the state machine under this name
    """The endpoint is in the middle of a change; try again later."""


class EndpointFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """The endpoint did not come into service with what was deployed to it."""


class RolledBack(Exception):  # noqa: N818 - the name that the state machine reports
    """An alarm went off while the deployment was watched; what was served before serves again, or will."""


class KindChanged(Exception):  # noqa: N818 - the name that the state machine reports
    """The endpoint is of another kind than it is configured to be, which no update can change."""


@dataclass(frozen=True)
class Begun:
    """A change that was begun: who watches it, and for how long after the new release serves.

    `guard` is "blue-green" or "rolling" where SageMaker watches the alarms and goes back by itself, and
    "watch" where check_endpoint does. `now`: by this call, not by an earlier one that this one repeats.
    """

    guard: str
    bake_seconds: int
    now: bool = True


@dataclass(frozen=True)
class Progress:
    """How far a change is: whether the new release serves alone, and what is being done, with since when.

    `fell_back`: it ended with what was served before, and why; SageMaker went back by itself.
    """

    serving: bool
    what: str
    at: str | None = None
    fell_back: str = ""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint's state: its status, its endpoint config's name, the config on its way, why it failed."""

    status: str
    config: str
    reason: str = ""
    pending: str | None = None
    moving: Mapping[str, Any] = field(default_factory=dict)


def describe(sagemaker: Any, name: str) -> Endpoint | None:
    """Describe an endpoint; None where there is none."""
    found = found_or_none(sagemaker.describe_endpoint, EndpointName=name)
    if found is None:
        return None
    pending = found.get("PendingDeploymentSummary") or {}
    return Endpoint(
        status=found["EndpointStatus"],
        config=found.get("EndpointConfigName", ""),
        reason=found.get("FailureReason", ""),
        pending=pending.get("EndpointConfigName"),
        moving=next(iter(pending.get("ProductionVariants") or []), {}),
    )


def kind_of(config: Mapping[str, Any]) -> str:
    """Tell the kind of an endpoint from its config's description."""
    variant = config["ProductionVariants"][0]
    if "ServerlessConfig" in variant:
        return "serverless"
    return "realtime" if "ModelName" in variant else "components"


def release_name(package_arn: str, version: int, created: datetime) -> str:
    """Name a release after its package version and, since groups can be made anew, when it was registered."""
    digest = hashlib.sha256(f"{package_arn} {created.isoformat()}".encode()).hexdigest()[:8]
    return f"v{version}-{digest}"


def config_name(settings: EndpointSettings, release: str) -> str:
    """Name the endpoint config of a release after all that it consists of; at most 63 characters.

    That of components is the same for all releases: they come into it as components. Its name has to keep as
    much of the endpoint's as the others do, which policies know it by.
    """
    if settings.component_name is not None:
        release = "copies"
    content = json.dumps([release, settings.name, settings.variant], sort_keys=True)
    version, _, _ = release.partition("-")
    return _named_after(settings.name, f"{version}-{hashlib.sha256(content.encode()).hexdigest()[:8]}")


def model_name(settings: EndpointSettings, release: str) -> str:
    """Name an endpoint's model of a release: each environment has its own, with its own role."""
    return _named_after(settings.own_name, release)


def wait_seconds(waited: timedelta) -> int:
    """How long to wait before the next look: ever longer, from 5 seconds to a minute."""
    return round(min(max(waited.total_seconds() / 10, 5), 60))


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write tags as SageMaker takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def found_or_none(describe: Any, **name: str) -> dict[str, Any] | None:
    """Call a Describe operation; None where there is nothing of this name."""
    try:
        found: dict[str, Any] = describe(**name)
    except ClientError as error:
        if _is_missing(error):
            return None
        raise
    return found


def exists_already(error: ClientError) -> bool:
    """Tell whether a Create operation was refused because the name is taken."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("ResourceInUse", "ResourceInUseException") or "already exist" in message


def _named_after(name: str, ending: str) -> str:
    return f"{name[: LONGEST_NAME - len(ending) - 1].rstrip('-')}-{ending}"


def _is_missing(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("ResourceNotFound", "ResourceNotFoundException") or "Could not find" in message
