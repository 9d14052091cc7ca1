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
