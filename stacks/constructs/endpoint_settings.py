"""What the promotion's functions are told of an endpoint; lambdas/promotion/settings.py reads it."""

from typing import Any

from config_endpoint import Endpoint
from config_model import Model
from stacks.accounts import WorkloadAccount


def endpoint_settings(workload: WorkloadAccount, model: Model) -> dict[str, Any]:
    """Write the settings of a model's endpoint in an environment; staging has its test instead of alarms."""
    endpoint = workload.endpoint(model)
    return {
        "name": workload.endpoint_name(model),
        "component_name": workload.component_name(model),
        "kind": endpoint.kind,
        "variant": _variant(endpoint, sleeps=_sleeps(workload, model)),
        "p95_ms": endpoint.p95_ms,
        "error_percent": endpoint.error_percent,
        "drift": model.drift,
        "watched": workload.environment == "prod",
        "bake_seconds": endpoint.bake_seconds,
        "canary_percent": endpoint.canary_percent,
        "component": _component(endpoint),
        "scaling": _scaling(endpoint),
    }


def _sleeps(workload: WorkloadAccount, model: Model) -> bool:
    """Whether an endpoint may be without an instance: nobody behind it always has a copy."""
    behind = [other for other in workload.config.models if workload.shares_endpoint(other, model)]
    return all(workload.endpoint(other).min_copies == 0 for other in behind)


def _variant(endpoint: Endpoint, *, sleeps: bool) -> dict[str, Any]:
    if endpoint.kind == "serverless":
        serverless = {"MemorySizeInMB": endpoint.memory_mb, "MaxConcurrency": endpoint.max_concurrency}
        return {"ServerlessConfig": serverless}
    instances = {"InstanceType": endpoint.instance_type, "InitialInstanceCount": endpoint.instances}
    if endpoint.kind == "realtime":
        return instances
    # SageMaker brings instances for the copies, and takes those away that hold none.
    managed = {
        "Status": "ENABLED",
        "MinInstanceCount": 0 if sleeps else endpoint.instances,
        "MaxInstanceCount": endpoint.max_instances,
    }
    return {**instances, "ManagedInstanceScaling": managed}


def _component(endpoint: Endpoint) -> dict[str, int]:
    if endpoint.kind != "components":
        return {}
    return {"cpus": endpoint.cpus, "memory_mb": endpoint.memory_mb, "copies": endpoint.copies}


def _scaling(endpoint: Endpoint) -> dict[str, int] | None:
    bounds = {
        "serverless": (0, 0),
        "realtime": (endpoint.instances, endpoint.max_instances),
        "components": (endpoint.min_copies, endpoint.max_copies),
    }
    low, high = bounds[endpoint.kind]
    if low == high:
        return None
    return {"min": low, "max": high, "target": endpoint.invocations_per_instance}
