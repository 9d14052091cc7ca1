"""The events of endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local.sagemaker.events import emit, milliseconds
from local.sagemaker.hosting.live import Live

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_STATUS = {
    "Creating": "CREATING",
    "InService": "IN_SERVICE",
    "Updating": "UPDATING",
    "Failed": "FAILED",
    "Deleting": "DELETING",
    "UpdateRollbackFailed": "UPDATE_ROLLBACK_FAILED",
}
_IN_EVENTS = ("VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")


def emit_state(
    cloud: LocalCloud,
    record: Mapping[str, Any],
    config: Mapping[str, Any],
    tags: Sequence[Mapping[str, str]],
) -> None:
    """Send `SageMaker Endpoint State Change`."""
    variants = [
        {
            "VariantName": variant["VariantName"],
            "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
            "DesiredInstanceCount": variant.get("InitialInstanceCount"),
        }
        for variant in config.get("ProductionVariants", [])
    ]
    _emit(cloud, "Endpoint State Change", record, tags, {"ProductionVariants": variants})


def emit_deployment(
    cloud: LocalCloud, record: Mapping[str, Any], live: Live, tags: Sequence[Mapping[str, str]]
) -> None:
    """Send `SageMaker Endpoint Deployment State Change`: how far a deployment or a change of capacity is."""
    described = live.describe()
    detail: dict[str, Any] = {"ProductionVariants": _variants(described.get("ProductionVariants", []))}
    if summary := described.get("PendingDeploymentSummary"):
        detail["PendingDeploymentSummary"] = {
            "EndpointConfigName": summary["EndpointConfigName"],
            "StartTime": milliseconds(summary["StartTime"]),
            "ProductionVariants": _variants(summary["ProductionVariants"]),
        }
    _emit(cloud, "Endpoint Deployment State Change", record, tags, detail)


def _variants(described: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **{field: variant[field] for field in _IN_EVENTS},
            **(
                {
                    "VariantStatus": [
                        {**status, "StartTime": milliseconds(status["StartTime"])}
                        for status in variant["VariantStatus"]
                    ]
                }
                if "VariantStatus" in variant
                else {}
            ),
        }
        for variant in described
    ]


def _emit(
    cloud: LocalCloud,
    detail_type: str,
    record: Mapping[str, Any],
    tags: Sequence[Mapping[str, str]],
    more: Mapping[str, Any],
) -> None:
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "EndpointStatus": _STATUS[record["EndpointStatus"]],
        "FailureReason": record.get("FailureReason"),
        "CreationTime": milliseconds(record["CreationTime"]),
        "LastModifiedTime": milliseconds(record["LastModifiedTime"]),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags},
        **more,
    }
    emit(cloud, detail_type, detail, [record["EndpointArn"]])
