"""SageMaker endpoints as the promotion sees them: what they run, and how they come to run something else."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from lambdas.promotion.settings import EndpointSettings

LONGEST_NAME = 63
_NO_TAGS: Mapping[str, str] = MappingProxyType({})
SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
BROKEN = ("Failed", "OutOfService", "UpdateRollbackFailed")


class EndpointBusy(Exception):  # noqa: N818 - retried by the state machine under this name
    """The endpoint is in the middle of a change; try again later."""


class EndpointFailed(Exception):  # noqa: N818 - the name that the state machine reports
    """The endpoint did not come into service with what was deployed to it."""


class ModelConflict(Exception):  # noqa: N818 - the name that the state machine reports
    """A SageMaker model of this name exists and is not made from this package."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint's state: its status, its endpoint config's name, why it failed."""

    status: str
    config: str
    reason: str


def describe(sagemaker: Any, name: str) -> Endpoint | None:
    """Describe an endpoint; None where there is none."""
    try:
        found = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if _is_missing(error):
            return None
        raise
    status, config = found["EndpointStatus"], found.get("EndpointConfigName", "")
    return Endpoint(status, config, found.get("FailureReason", ""))


def serving_config(sagemaker: Any, name: str) -> str | None:
    """Name the endpoint config that serves now, None if none does; EndpointBusy in the middle of a change."""
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        return None
    if endpoint.status not in SETTLED:
        raise EndpointBusy(f"{name} is {endpoint.status}")
    return endpoint.config if endpoint.status == "InService" else None


def release_name(package_arn: str, version: int, created: datetime) -> str:
    """Name a release after its package version and, since groups can be made anew, when it was registered."""
    digest = hashlib.sha256(f"{package_arn} {created.isoformat()}".encode()).hexdigest()[:8]
    return f"v{version}-{digest}"


def config_name(settings: EndpointSettings, release: str) -> str:
    """Name the endpoint config of a release after all that it consists of; at most 63 characters."""
    content = json.dumps([release, settings.name, settings.variant], sort_keys=True)
    version, _, _ = release.partition("-")
    return _named_after(settings, f"{version}-{hashlib.sha256(content.encode()).hexdigest()[:8]}")


def model_name(settings: EndpointSettings, release: str) -> str:
    """Name an endpoint's model of a release: each environment has its own, with its own role."""
    return _named_after(settings, release)


def ensure_model(
    sagemaker: Any, *, name: str, package_arn: str, role_arn: str, tags: Mapping[str, str] = _NO_TAGS
) -> None:
    """Create the model from exactly this package, unless it is there; ModelConflict if it is another's."""
    try:
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"ModelPackageName": package_arn},
            ExecutionRoleArn=role_arn,
            Tags=_tags({**tags, "model-package": package_arn}),
        )
    except ClientError as error:
        if not _exists(error):
            raise
        found = sagemaker.describe_model(ModelName=name)["PrimaryContainer"].get("ModelPackageName")
        if found != package_arn:
            raise ModelConflict(f"model {name} is made from {found}, not from {package_arn}") from error


def ensure_config(
    sagemaker: Any,
    *,
    name: str,
    model: str,
    package_arn: str,
    variant: dict[str, Any],
    tags: Mapping[str, str] = _NO_TAGS,
) -> None:
    """Create the endpoint config, unless it is there; its name stands for its content."""
    try:
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": model, **variant}],
            Tags=_tags({**tags, "model-package": package_arn}),
        )
    except ClientError as error:
        if not _exists(error):
            raise


def switch(sagemaker: Any, name: str, config: str, tags: Mapping[str, str] = _NO_TAGS) -> None:
    """Begin to serve this endpoint config; safe to repeat. EndpointBusy while another change is under way."""
    endpoint = describe(sagemaker, name)
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=_tags(tags))
    elif endpoint.status in BROKEN:
        sagemaker.delete_endpoint(EndpointName=name)
        raise EndpointBusy(f"{name} was {endpoint.status} and is being deleted: {endpoint.reason}")
    elif endpoint.config == config:
        return
    elif endpoint.status not in SETTLED:
        raise EndpointBusy(f"{name} is {endpoint.status}")
    else:
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)


def is_ready(endpoint: Endpoint | None, name: str, config: str) -> bool:
    """Tell whether the endpoint serves this config; EndpointFailed where it never will."""
    if endpoint is None:
        raise EndpointFailed(f"{name} is gone")
    if endpoint.status in BROKEN:
        raise EndpointFailed(f"{name} is {endpoint.status}: {endpoint.reason or 'no reason given'}")
    if endpoint.status != "InService":
        return False
    if endpoint.config != config:
        raise EndpointFailed(f"{name} fell back to {endpoint.config}: {endpoint.reason or 'no reason given'}")
    return True


def put_back(sagemaker: Any, name: str, config: str | None, tags: Mapping[str, str] = _NO_TAGS) -> bool:
    """Go towards the config from before, or towards no endpoint where there was none; True when there."""
    endpoint = describe(sagemaker, name)
    if endpoint is None and config is None:
        return True
    if endpoint is not None and endpoint.status not in SETTLED:
        return False
    if config is None:
        sagemaker.delete_endpoint(EndpointName=name)
        return False
    if endpoint is not None and endpoint.status == "InService" and endpoint.config == config:
        return True
    if endpoint is None:
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=_tags(tags))
    elif endpoint.status in BROKEN:
        sagemaker.delete_endpoint(EndpointName=name)
    else:
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    return False


def _named_after(settings: EndpointSettings, ending: str) -> str:
    return f"{settings.name[: LONGEST_NAME - len(ending) - 1].rstrip('-')}-{ending}"


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _exists(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("ResourceInUse", "ResourceInUseException") or "already exist" in message


def _is_missing(error: ClientError) -> bool:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return code in ("ResourceNotFound", "ResourceNotFoundException") or "Could not find" in message
