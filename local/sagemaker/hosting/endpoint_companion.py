"""What else has a say in an endpoint: its inference components, its scalable targets."""

from __future__ import annotations

from typing import Protocol

from local.cloud.call import Call
from local.sagemaker.table import Record


class Companion(Protocol):
    """Asked before an endpoint is changed or deleted, and when it is described.

    `before_update` and `before_delete` raise the AwsError that the caller gets.
    """

    def before_update(self, call: Call, endpoint: Record, old: Record, new: Record) -> None:
        """Refuse the change from one endpoint configuration to another, or let it be."""

    def before_delete(self, call: Call, endpoint: Record) -> None:
        """Refuse the deletion, or undo what hangs on the endpoint."""

    def describe(self, endpoint: Record) -> None:
        """Add to the answer of DescribeEndpoint what the companion knows."""
