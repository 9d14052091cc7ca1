"""State change events, in the form in which SageMaker sends them to EventBridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


def iso(time: datetime) -> str:
    """Write a time as the newer events do: `2021-02-24T17:00:14Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(time: datetime) -> int:
    """Write a time as the older events do."""
    return int(time.timestamp() * 1000)


def in_milliseconds(value: Any) -> Any:
    """Write every time in a description as the older events do."""
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, Mapping):
        return {name: in_milliseconds(item) for name, item in value.items()}
    return [in_milliseconds(item) for item in value] if isinstance(value, list) else value


def emit(cloud: LocalCloud, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]) -> None:
    """Send `SageMaker <detail_type>`; fields that are None are left out."""
    present = {name: value for name, value in detail.items() if value is not None}
    cloud.emit("aws.sagemaker", f"SageMaker {detail_type}", present, list(resources))
