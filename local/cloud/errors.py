"""Errors of the local cloud."""

from __future__ import annotations

from collections.abc import Mapping


class AwsError(Exception):
    """What an AWS API answers when it refuses a call.

    `details` are further members of the modelled error (`OriginalStatusCode` of a `ModelError`, say).
    """

    def __init__(
        self, code: str, message: str, status: int = 400, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})


class LocalCloudError(Exception):
    """The local cloud itself cannot do what it was asked; the message says what, where and what to do."""


def access_denied(principal_arn: str, action: str, resource: str, *, explicit: bool = False) -> AwsError:
    """Return AWS's answer to a call that a policy does not allow."""
    reason = (
        "with an explicit deny"
        if explicit
        else f"because no identity-based policy allows the {action} action"
    )
    return AwsError(
        "AccessDeniedException",
        f"User: {principal_arn} is not authorized to perform: {action} on resource: {resource} {reason}",
    )
