"""What is registered in one account: scalable targets, their policies, what was done."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from local.autoscaling.resource import Resource
from local.cloud.errors import AwsError

_KEPT_ACTIVITIES = 1000
_NAMESPACE = "sagemaker"


def now() -> datetime:
    """Give the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Target:
    """A resource that may be scaled, and between which bounds."""

    resource: Resource
    arn: str
    role_arn: str
    least: int
    most: int
    suspended: dict[str, bool] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    tags: dict[str, str] = field(default_factory=dict)

    def bound(self, capacity: int) -> int:
        """Give the nearest capacity within the bounds."""
        return min(max(capacity, self.least), self.most)


@dataclass(frozen=True)
class Policy:
    """A scaling policy; `config` is TargetTrackingScalingPolicyConfiguration or that of steps."""

    resource: Resource
    name: str
    arn: str
    kind: str
    config: dict[str, Any]
    high: str = ""  # the alarms of target tracking
    low: str = ""
    created: datetime = field(default_factory=now)

    @property
    def tracks(self) -> bool:
        """Whether it holds a metric on a target, with alarms of its own."""
        return self.kind == "TargetTrackingScaling"

    @property
    def alarms(self) -> list[str]:
        """The names of the alarms that belong to the policy."""
        return [self.high, self.low] if self.tracks else []


@dataclass
class Activity:
    """Something that was done to a resource, or that could not be."""

    id: str
    resource: Resource
    description: str
    cause: str
    status: str = "InProgress"
    message: str = ""
    started: datetime = field(default_factory=now)
    ended: datetime | None = None
    not_scaled: dict[str, Any] | None = None

    def end(self, status: str, message: str) -> None:
        """Say how it ended."""
        self.status, self.message, self.ended = status, message, now()


class Book:
    """Targets by resource, policies by resource and name, activities in their order."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._targets: dict[Resource, Target] = {}
        self._policies: dict[tuple[Resource, str], Policy] = {}
        self._activities: deque[Activity] = deque(maxlen=_KEPT_ACTIVITIES)

    def put_target(self, target: Target) -> None:
        """Keep a target, in place of the one that its resource had."""
        with self._lock:
            self._targets[target.resource] = target

    def find(self, resource: Resource) -> Target | None:
        """Give a resource's target, None where it has none."""
        return self._targets.get(resource)

    def target(self, resource: Resource) -> Target:
        """Give a resource's target; AwsError where it has none."""
        if found := self.find(resource):
            return found
        raise AwsError("ObjectNotFoundException", f"No scalable target registered for {_words(resource)}")

    def target_of_arn(self, arn: str) -> Target:
        """Give a target by its ARN; AwsError where there is none."""
        for target in self.targets():
            if target.arn == arn:
                return target
        raise AwsError("ResourceNotFoundException", f"No scalable target found with ARN: {arn}")

    def retag(self, arn: str, tags: dict[str, str]) -> None:
        """Give a target other tags."""
        with self._lock:
            target = self.target_of_arn(arn)
            self._targets[target.resource] = replace(target, tags=tags)

    def targets(self) -> list[Target]:
        """Give all targets."""
        with self._lock:
            return list(self._targets.values())

    def remove_target(self, resource: Resource) -> list[Policy]:
        """Forget a target and its policies, and give those."""
        with self._lock:
            self.target(resource)
            gone = self.policies_of(resource)
            del self._targets[resource]
            for policy in gone:
                del self._policies[resource, policy.name]
            return gone

    def put_policy(self, policy: Policy) -> None:
        """Keep a policy, in place of the one of its name; AwsError where the target is gone."""
        with self._lock:
            self.target(policy.resource)
            self._policies[policy.resource, policy.name] = policy

    def find_policy(self, resource: Resource, name: str) -> Policy | None:
        """Give a policy, None where there is none."""
        return self._policies.get((resource, name))

    def remove_policy(self, resource: Resource, name: str) -> Policy:
        """Forget a policy and give it; AwsError where there is none."""
        with self._lock:
            if found := self._policies.pop((resource, name), None):
                return found
        raise AwsError(
            "ObjectNotFoundException", f"No scaling policy found for {_words(resource)}, policy name: {name}"
        )

    def policies_of(self, resource: Resource) -> list[Policy]:
        """Give the policies of a resource."""
        return [policy for policy in self.policies() if policy.resource == resource]

    def policies(self) -> list[Policy]:
        """Give all policies."""
        with self._lock:
            return list(self._policies.values())

    def note(self, activity: Activity) -> None:
        """Keep an activity."""
        self._activities.append(activity)

    def activities(self) -> Iterable[Activity]:
        """Give the activities, the latest first."""
        return list(self._activities)[::-1]


def _words(resource: Resource) -> str:
    return (
        f"service namespace: {_NAMESPACE}, resource ID: {resource.id}, scalable dimension: "
        f"{resource.dimension}"
    )
