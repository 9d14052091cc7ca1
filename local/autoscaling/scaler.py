"""Looks every second at the alarms of the policies, and scales."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.autoscaling.book import Activity, Book, Target
from local.autoscaling.resource import Capacity, Resource
from local.autoscaling.tracking_alarms import SERVICE
from local.autoscaling.wishes import Base, Ringing, Wish, wish
from local.cloud.errors import AwsError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

# AWS reacts to an alarm, within a minute; here somebody is looking.
LOOK_EVERY_SECONDS = 1.0
_ACTIONS = (
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeInferenceComponent",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
    "sagemaker:UpdateInferenceComponentRuntimeConfig",
)
_log = logging.getLogger(__name__)

Alarms = Callable[[Resource], Iterable[Ringing]]


@dataclass
class _Course:
    """What goes on with one resource."""

    under_way: Activity | None = None
    wanted: int = 0
    out_until: float = 0.0
    before_out: int = 0
    in_until: float = 0.0
    out_of_bounds: bool = False
    told: set[tuple[str, str]] = field(default_factory=set)


class Scaler:
    """Scales the targets of one account. `ringing` gives the alarms in ALARM of a resource's policies."""

    def __init__(
        self, cloud: LocalCloud, book: Book, ringing: Alarms, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cloud, self._book, self._ringing, self._clock = cloud, book, ringing, clock
        self._courses: dict[Resource, _Course] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._client: Any = None

    def read(self, resource: Resource) -> Capacity:
        """Give a resource's capacity; ClientError or AwsError where it is not there."""
        return resource.read(self._sagemaker())

    def check_bounds(self, resource: Resource) -> None:
        """Bring a resource between its bounds as soon as it can be changed, and look after it from now on."""
        with self._lock:  # two that register at the same time would both begin
            self._courses.setdefault(resource, _Course()).out_of_bounds = True
            if self._thread is None:
                look = self._look_until_closed
                self._thread = threading.Thread(target=look, name="autoscaling", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Scale no more."""
        self._closed.set()
        if self._thread:
            self._thread.join(10)

    def _look_until_closed(self) -> None:
        while not self._closed.wait(LOOK_EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Look at every target once."""
        for target in self._book.targets():
            try:
                self._look_at(target)
            except (AwsError, ClientError, BotoCoreError) as error:
                _log.info("%s is not scaled: %s", target.resource.id, error)
            except Exception:  # the other targets must not stop for it
                _log.exception("%s is not scaled", target.resource.id)

    def _look_at(self, target: Target) -> None:
        course = self._courses.setdefault(target.resource, _Course())
        if course.under_way:
            self._follow(course, self.read(target.resource))
            return
        ringing = list(self._ringing(target.resource))
        if not ringing:
            course.told.clear()
        if not ringing and not course.out_of_bounds:
            return
        capacity = self.read(target.resource)
        if course.out_of_bounds and capacity.changeable:
            course.out_of_bounds = False
            if self._into_bounds(target, course, capacity):
                return
        cooling = self._clock() < course.out_until
        base = Base(capacity.desired, course.before_out if cooling else capacity.desired)
        found = wish(self._book.policies_of(target.resource), ringing, base)
        if found:
            self._decide(target, course, capacity, found)

    def _into_bounds(self, target: Target, course: _Course, capacity: Capacity) -> bool:
        wanted = target.bound(capacity.desired)
        if wanted == capacity.desired:
            return False
        side = "minimum" if wanted > capacity.desired else "maximum"
        self._scale(target, course, wanted, f"{side} capacity was set to {wanted}")
        return True

    def _decide(self, target: Target, course: _Course, capacity: Capacity, found: Wish) -> None:
        current, out = capacity.desired, found.capacity > capacity.desired
        wanted = target.bound(found.capacity)
        if target.suspended.get(f"DynamicScaling{'Out' if out else 'In'}Suspended"):
            return
        if not capacity.changeable:
            self._tell(course, target, found, {"Code": "TargetServicePutResourceAsUnscalable"})
        elif wanted == current or (wanted > current) != out:
            side = "Max" if out else "Min"
            limit = {f"{side}Capacity": target.most if out else target.least, "CurrentCapacity": current}
            self._tell(course, target, found, {"Code": f"AlreadyAt{side}Capacity", **limit})
        elif (out or self._clock() >= course.in_until) and self._scale(target, course, wanted, found.cause):
            self._cool(course, current, found.cooldown(out=out), out=out)

    def _cool(self, course: _Course, current: int, seconds: float, *, out: bool) -> None:
        until = self._clock() + seconds
        if not out:
            course.in_until = until
            return
        if self._clock() >= course.out_until:
            course.before_out = current
        # A scale-out ends the cooldown of a scale-in.
        course.out_until, course.in_until = until, 0.0

    def _scale(self, target: Target, course: _Course, wanted: int, cause: str) -> bool:
        resource = target.resource
        activity = Activity(
            str(uuid.uuid4()), resource, f"Setting desired {resource.noun} count to {wanted}.", cause
        )
        self._book.note(activity)
        course.told.clear()
        try:
            resource.write(self._sagemaker(), wanted)
        except (AwsError, ClientError, BotoCoreError) as error:
            activity.end(
                "Failed", f"Failed to set desired {resource.noun} count to {wanted}. Reason: {error}"
            )
            return False
        course.under_way, course.wanted = activity, wanted
        _log.info("%s: %s (%s)", resource.id, activity.description, cause)
        return True

    def _follow(self, course: _Course, capacity: Capacity) -> None:
        activity = course.under_way
        if activity is None or not capacity.changeable:
            return
        course.under_way = None
        noun, wanted = activity.resource.noun, course.wanted
        if capacity.desired == wanted:
            words = f"Successfully set desired {noun} count to {wanted}."
            activity.end("Successful", f"{words} Change successfully fulfilled by sagemaker.")
        else:
            activity.end("Failed", f"The desired {noun} count is {capacity.desired}, not {wanted}.")

    def _tell(self, course: _Course, target: Target, found: Wish, reason: dict[str, Any]) -> None:
        """Note once, for as long as the alarms ring, why nothing was done."""
        if (found.alarm, reason["Code"]) in course.told:
            return
        course.told.add((found.alarm, reason["Code"]))
        words = "Attempting to scale due to alarm triggered"
        activity = Activity(str(uuid.uuid4()), target.resource, words, found.cause, not_scaled=reason)
        activity.end("Unfulfilled", "")
        self._book.note(activity)

    def _sagemaker(self) -> Any:
        if self._client is None:
            self._client = self._cloud.service_session(SERVICE, _ACTIONS).client("sagemaker")
        return self._client
