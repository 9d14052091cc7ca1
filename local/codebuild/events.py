"""The events that CodeBuild puts on the default bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


def emit_state(cloud: LocalCloud, build: Mapping[str, Any]) -> None:
    """Tell that a build is in progress, or how it has ended."""
    detail = {
        "build-status": build["buildStatus"],
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "current-phase": build["currentPhase"],
        "current-phase-context": "[]",
        "additional-information": {
            "build-complete": build["buildComplete"],
            "initiator": build["initiator"],
            "build-start-time": build["startTime"].strftime("%b %d, %Y %I:%M:%S %p"),
            "timeout-in-minutes": build["timeoutInMinutes"],
            "queued-timeout-in-minutes": build["queuedTimeoutInMinutes"],
            "logs": {
                "group-name": build["logs"].get("groupName"),
                "stream-name": build["logs"].get("streamName"),
            },
        },
        "version": "1",
    }
    cloud.emit("aws.codebuild", "CodeBuild Build State Change", detail, [build["arn"]])
