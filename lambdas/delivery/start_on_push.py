"""Start the delivery of a push to CodeCommit, unless it changes nothing but ignored files."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.delivery.deliveries import Environment, Revision, deliver


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Compare the branch before and after the push.

    In: EventBridge's "CodeCommit Repository State Change".
    Out: {"revision", "execution": its id, or null where nothing was started, "because"}.
    """
    detail = event["detail"]
    if detail["event"] == "referenceDeleted":
        return {"revision": None, "execution": None, "because": "the branch was deleted"}
    return deliver(
        boto3.client("codepipeline"),
        environment.read(Environment),
        event_id=event["id"],
        revision=Revision("COMMIT_ID", detail["commitId"]),
        changed=_changed(boto3.client("codecommit"), detail),
    )


def _changed(codecommit: Any, detail: Mapping[str, Any]) -> Iterator[str] | None:
    """Give the paths as they come; None for a new branch, which nothing can be compared with."""
    before = detail.get("oldCommitId")
    if not before:
        return None
    return _differences(codecommit, detail["repositoryName"], before, detail["commitId"])


def _differences(codecommit: Any, repository: str, before: str, after: str) -> Iterator[str]:
    pages = codecommit.get_paginator("get_differences").paginate(
        repositoryName=repository, beforeCommitSpecifier=before, afterCommitSpecifier=after
    )
    for page in pages:
        for difference in page["differences"]:
            # A file that was moved has two paths, one that came or went has one.
            for side in ("beforeBlob", "afterBlob"):
                if side in difference:
                    yield difference[side]["path"]
