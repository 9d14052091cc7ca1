"""Deploy one model package to an environment's endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.packages import describe_approved
from lambdas.common.turns import require
from lambdas.promotion import alarms, autoscaling, kinds
from lambdas.promotion.endpoints import config_name, model_name
from lambdas.promotion.model_and_config import answers, ensure_config, ensure_model, registered_of
from lambdas.promotion.settings import EndpointSettings, model_settings
from lambdas.promotion.workload import Workload, workload


@dataclass(frozen=True)
class Environment:
    """The configured models, the environments, and the turns of who changes them."""

    models: str
    workloads: str
    turns_table: str


@dataclass(frozen=True)
class Release:
    """A package as an endpoint serves it: its SageMaker model, endpoint config, and what was registered."""

    model: str
    config: str
    registered: dict[str, float]


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Make model and endpoint config where they are missing, set the alarms, begin to switch; safe to repeat.

    In: {"package": what read_model_package gave, "environment", "execution", "turn": {"line", "holder"}}.
    Out: {"endpoint", "kind", "config", "model_name", "component": name | null, "own_name": that or
    the endpoint's, "started_at", "guard":
    "blue-green" | "rolling" | "watch", "bake_seconds", "alarms": [names], "ringing": [names of those
    that were on before, and cannot tell], "registered": what the answers are compared with}.
    Raises NoLongerApproved, EndpointBusy, ModelConflict, KindChanged, TurnLost.
    """
    configured = environment.read(Environment)
    package = event["package"]
    settings = model_settings(configured.models, package["model"]).endpoints[event["environment"]]
    target = workload(configured.workloads, event["environment"])
    describe_approved(boto3.client("sagemaker"), package["arn"])
    there = target.enter(event["execution"])
    release = _make(there.client("sagemaker"), settings, package, target)
    require(boto3.resource("dynamodb").Table(configured.turns_table), **event["turn"])
    guarded = _switch(there, settings, release, target)
    return {
        "endpoint": settings.name,
        "kind": settings.kind,
        "config": release.config,
        "model_name": release.model,
        "component": settings.component_name,
        "own_name": settings.own_name,
        "registered": release.registered,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **guarded,
    }


def _make(
    sagemaker: Any, settings: EndpointSettings, package: Mapping[str, Any], target: Workload
) -> Release:
    """Make the model and the endpoint config; in a config for components there is no model."""
    release = Release(
        model=model_name(settings, package["release"]),
        config=config_name(settings, package["release"]),
        registered=answers(package.get("registered")),
    )
    ensure_model(
        sagemaker,
        name=release.model,
        package_arn=package["arn"],
        role_arn=target.model_role_arn,
        registered=release.registered,
        tags=target.tags,
    )
    in_config = settings.component_name is None
    ensure_config(
        sagemaker,
        name=release.config,
        variant=settings.variant,
        model=release.model if in_config else None,
        role_arn=target.model_role_arn,
        tags={**target.tags, "model-package": package["arn"]} if in_config else target.tags,
    )
    return release


def _switch(there: Any, settings: EndpointSettings, release: Release, target: Workload) -> dict[str, Any]:
    sagemaker, cloudwatch = there.client("sagemaker"), there.client("cloudwatch")
    # Before the alarms: those of an endpoint that stays as it is must go on watching it.
    kinds.refuse_another(sagemaker, settings)
    before = kinds.serving_model(sagemaker, settings.name, settings.component_name)
    both = [release.registered, registered_of(sagemaker, before)]
    names = alarms.put(cloudwatch, settings, config=release.config, registered=both, topic=target.alarm_topic)
    ringing = alarms.ringing(cloudwatch, names)
    if kinds.gets_new_fleet(sagemaker, settings, release.config):
        ringing = alarms.forget(cloudwatch, settings, ringing)
    rang = [alarm.name for alarm in ringing]
    quiet = [name for name in names if name not in rang]
    autoscaling.make_way(there, settings, release.config)
    begun = kinds.begin(
        sagemaker,
        settings,
        config=release.config,
        model=release.model,
        alarms=quiet,
        tags=target.tags,
    )
    # In a repeated call an alarm may be on because of the very release that it is to judge.
    return {
        "guard": begun.guard,
        "bake_seconds": begun.bake_seconds,
        "alarms": quiet if begun.now else names,
        "ringing": rang if begun.now else [],
    }
