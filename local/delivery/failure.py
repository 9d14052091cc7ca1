"""Why an action failed: what CodePipeline says of it, and the end of the build's log."""

from __future__ import annotations

import re

from local.delivery.actions import Action
from local.delivery.serving import Session

_LINES = 25
_STAMP = re.compile(r"^\[Container\] \S+ \S+ ")
_BOOKKEEPING = re.compile(_STAMP.pattern + r"(Phase|Entering phase|Cached) ?")
_LONGEST = 400


def reasons(session: Session, action: Action) -> list[str]:
    """Return lines that say why an action failed."""
    said = " ".join((action.why or action.summary or "no reason was given").split())
    lines = [said[:_LONGEST]]
    if action.provider == "CodeBuild" and action.external_id:
        lines += _end_of_log(session, action.external_id)
    return lines


def _end_of_log(session: Session, build_id: str) -> list[str]:
    builds = session.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    logs = builds[0].get("logs", {}) if builds else {}
    if not logs.get("streamName"):
        return [f"build {build_id} has written no log"]
    page = session.client("logs").get_log_events(
        logGroupName=logs["groupName"],
        logStreamName=logs["streamName"],
        limit=_LINES * 3,
        startFromHead=False,
    )
    said = [line for event in page["events"] for line in event["message"].rstrip().splitlines()]
    written = [_STAMP.sub("", line) for line in said if not _BOOKKEEPING.match(line)]
    return [f"the end of the log of {build_id}:", *(f"| {line}" for line in written[-_LINES:])]
