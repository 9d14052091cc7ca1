"""The retry policies of a pipeline's step."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ALWAYS = ({"ExceptionType": ["Step.THROTTLING", "Step.SERVICE_FAULT"], "MaxAttempts": 5},)
_LIMITS = {"ResourceLimitExceeded", "LimitExceededException"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}


class StepError(Exception):
    """A step failed; `kinds` are the exception types by which its retry policies know it."""

    def __init__(
        self, reason: str, kinds: Sequence[str] = (), metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(reason)
        self.kinds = tuple(kinds)
        self.metadata = dict(metadata or {})


def call_error_kinds(code: str, status: int) -> list[str]:
    """Name the exception types of an API's error."""
    if code in _THROTTLED:
        return ["Step.THROTTLING"]
    if code in _LIMITS:
        return ["SageMaker.RESOURCE_LIMIT"]
    return ["Step.SERVICE_FAULT"] if status >= 500 else []


def job_error_kinds(reason: str) -> list[str]:
    """Name the exception types of a failed job's reason."""
    kinds = {
        "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
        "CapacityError": "SageMaker.CAPACITY_ERROR",
    }
    return [kind for word, kind in kinds.items() if reason.startswith(word)]


@dataclass
class Retries:
    """How often a step was tried, and whether it is tried again.

    Throttling and faults of the service are always tried again, as SageMaker does, with or without a policy.
    """

    policies: Sequence[Mapping[str, Any]]
    started: float = field(default_factory=time.monotonic)
    counts: dict[int, int] = field(default_factory=dict)

    def wait_seconds(self, error: StepError) -> float | None:
        """Give how long to wait before the next try, None if there is none."""
        for number, policy in enumerate([*self.policies, *_ALWAYS]):
            if not set(policy["ExceptionType"]) & set(error.kinds):
                continue
            done = self.counts.get(number, 0)
            if done >= policy.get("MaxAttempts", 5) or self._expired(policy):
                return None
            self.counts[number] = done + 1
            return float(policy.get("IntervalSeconds", 1)) * float(policy.get("BackoffRate", 2.0)) ** done
        return None

    def _expired(self, policy: Mapping[str, Any]) -> bool:
        minutes = policy.get("ExpireAfterMin")
        return minutes is not None and time.monotonic() - self.started > minutes * 60
