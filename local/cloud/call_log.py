"""What principals of the local cloud were allowed and denied."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_REMEMBERED_DENIALS = 1000


@dataclass(frozen=True)
class Denial:
    """One call that a policy did not allow."""

    principal: str
    action: str
    resource: str


@dataclass(frozen=True)
class Decision:
    """One decision of IAM; `context` are the condition keys that the service gave it."""

    principal_arn: str
    action: str
    resource: str
    allowed: bool
    context: Mapping[str, Any]


class CallLog:
    """Counts the decisions of IAM, by principal: "user/anna", "role/Trainer", "root", "anonymous".

    One API request is one decision, or several where AWS checks several actions or resources.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowed: Counter[str] = Counter()
        self._denied: Counter[str] = Counter()
        self._denials: deque[Denial] = deque(maxlen=_REMEMBERED_DENIALS)
        self._recordings: list[list[Decision]] = []

    def record(
        self, principal_arn: str, action: str, resource: str, allowed: bool,
        context: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Count one decision."""
        name = principal_name(principal_arn)
        decision = Decision(principal_arn, action, resource, allowed, dict(context or {}))
        with self._lock:
            for recording in self._recordings:
                recording.append(decision)
            (self._allowed if allowed else self._denied)[name] += 1
            if not allowed:
                self._denials.append(Denial(name, action, resource))

    @contextmanager
    def recording(self) -> Iterator[list[Decision]]:
        """Collect every decision from now on until the block ends: what an application asks for."""
        recording: list[Decision] = []
        with self._lock:
            self._recordings.append(recording)
        try:
            yield recording
        finally:
            with self._lock:
                self._recordings = [other for other in self._recordings if other is not recording]

    def clear(self) -> None:
        """Forget everything so far: after the deployment, what is counted is what the application did."""
        with self._lock:
            self._allowed.clear()
            self._denied.clear()
            self._denials.clear()

    @property
    def denials(self) -> list[Denial]:
        """The latest denials, oldest first."""
        with self._lock:
            return list(self._denials)

    def summary(self) -> dict[str, Any]:
        """Return {"calls_allowed", "calls_denied", "by_principal": {name: {"allowed", "denied"}}}."""
        with self._lock:
            names = sorted(self._allowed.keys() | self._denied.keys())
            by_principal = {n: {"allowed": self._allowed[n], "denied": self._denied[n]} for n in names}
            return {
                "calls_allowed": self._allowed.total(),
                "calls_denied": self._denied.total(),
                "by_principal": by_principal,
            }


def principal_name(arn: str) -> str:
    """Return the short name of a principal, the same for all sessions of a role."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    if kind == "assumed-role":
        return f"role/{rest.partition('/')[0]}"
    if kind in ("user", "role"):
        return f"{kind}/{rest.rpartition('/')[2]}"
    if kind == "federated-user":  # a service in its own name, see Iam.service_session
        return rest
    return arn.rpartition(":")[2]
