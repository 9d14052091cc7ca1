"""Deploy one model package to an environment's endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.packages import describe_approved
from lambdas.promotion.endpoints import config_name, ensure_config, ensure_model, model_name, switch
from lambdas.promotion.settings import model_settings
from lambdas.promotion.workload import workload


@dataclass(frozen=True)
class Environment:
    """The configured models, and the environments."""

    models: str
    workloads: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Make model and endpoint config where they are missing, then begin to switch; safe to repeat.

    In: {"package": what read_model_package gave, "environment", "execution"}.
    Out: {"endpoint", "config", "model_name", "started_at"}.
    Raises NoLongerApproved, EndpointBusy, ModelConflict.
    """
    configured = environment.read(Environment)
    package = event["package"]
    settings = model_settings(configured.models, package["model"])
    endpoint = settings.endpoints[event["environment"]]
    target = workload(configured.workloads, event["environment"])
    config = config_name(endpoint, package["release"])
    model = model_name(endpoint, package["release"])
    describe_approved(boto3.client("sagemaker"), package["arn"])
    sagemaker = target.enter(event["execution"]).client("sagemaker")
    made = {"package_arn": package["arn"], "tags": target.tags}
    ensure_model(sagemaker, name=model, role_arn=target.model_role_arn, **made)
    ensure_config(sagemaker, name=config, model=model, variant=endpoint.variant, **made)
    switch(sagemaker, endpoint.name, config, target.tags)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return {"endpoint": endpoint.name, "config": config, "model_name": model, "started_at": started}
