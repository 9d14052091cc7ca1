"""Who calls, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """The caller of one API request."""

    account: str
    region: str
    principal_arn: str
    access_key: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` in the caller's account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Credentials:
    """Keys of one principal; `session_token` is empty for the long-lived keys of a user."""

    access_key: str
    secret_key: str
    session_token: str
    principal_arn: str
