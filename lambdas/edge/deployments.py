"""How a deployment to a thing group goes about: in waves, aborted when too many devices fail."""

import hashlib
from collections.abc import Mapping
from typing import Any

_EVERYTHING = ""  # the JSON pointer to the whole configuration
Components = Mapping[str, Mapping[str, Any]]


def client_token(execution: str, group_arn: str, purpose: str) -> str:
    """Give the token that makes a repeated request the same deployment; 64 characters."""
    return hashlib.sha256(f"{execution} {group_arn} {purpose}".encode()).hexdigest()


def with_components(previous: Components, ours: Mapping[str, str]) -> dict[str, Any]:
    """Add our component versions to what the group has; other components stay, configuration too.

    A device keeps what a component was configured with, old defaults included: ours are reset, so that each
    version runs with its own defaults and with what the deployment merges into them.
    """
    components: dict[str, Any] = {name: dict(component) for name, component in previous.items()}
    for name, version in ours.items():
        component = components.get(name, {})
        update = {**component.get("configurationUpdate", {}), "reset": [_EVERYTHING]}
        components[name] = {**component, "componentVersion": version, "configurationUpdate": update}
    return components


def request(
    *,
    group_arn: str,
    name: str,
    components: Components,
    token: str,
    in_progress_minutes: int,
    max_failed_percent: int,
) -> dict[str, Any]:
    """Build the arguments of CreateDeployment for a thing group."""
    return {
        "targetArn": group_arn,
        "deploymentName": name,
        "components": {name: dict(component) for name, component in components.items()},
        "clientToken": token,
        "deploymentPolicies": {
            "failureHandlingPolicy": "ROLLBACK",
            "componentUpdatePolicy": {"action": "NOTIFY_COMPONENTS", "timeoutInSeconds": 60},
        },
        "iotJobConfiguration": {
            "jobExecutionsRolloutConfig": {
                "exponentialRate": {
                    "baseRatePerMinute": 5,
                    "incrementFactor": 2.0,
                    "rateIncreaseCriteria": {"numberOfSucceededThings": 5},
                },
                "maximumPerMinute": 100,
            },
            "abortConfig": {
                "criteriaList": [
                    {
                        "failureType": "ALL",
                        "action": "CANCEL",
                        "thresholdPercentage": float(max(max_failed_percent, 1)),
                        "minNumberOfExecutedThings": 1,
                    }
                ]
            },
            "timeoutConfig": {"inProgressTimeoutInMinutes": in_progress_minutes},
        },
    }
