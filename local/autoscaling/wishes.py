"""What the policies of a resource ask for, from the states of their alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.autoscaling.book import Policy
from local.autoscaling.decision import stepped, tracked

DEFAULT_COOLDOWN_SECONDS = 300


@dataclass(frozen=True)
class Ringing:
    """An alarm in ALARM: by how much its metric is off, and of which policy it is an action."""

    alarm: str
    value: float
    threshold: float
    policy: Policy


@dataclass(frozen=True)
class Base:
    """The capacity to reckon from.

    While a scale-out cools down, `out` is the capacity before it: what it added is part of what is asked for.
    """

    current: int
    out: int


@dataclass(frozen=True)
class Wish:
    """A capacity that a policy asks for."""

    capacity: int
    policy: Policy
    alarm: str

    @property
    def cause(self) -> str:
        """The words of the activity."""
        return f"monitor alarm {self.alarm} in state ALARM triggered policy {self.policy.name}"

    def cooldown(self, *, out: bool) -> float:
        """Give the seconds before the next activity in the same direction."""
        if not self.policy.tracks:
            return float(self.policy.config.get("Cooldown", DEFAULT_COOLDOWN_SECONDS))
        field = "ScaleOutCooldown" if out else "ScaleInCooldown"
        return float(self.policy.config.get(field, DEFAULT_COOLDOWN_SECONDS))


def wish(policies: Sequence[Policy], ringing: Sequence[Ringing], base: Base) -> Wish | None:
    """Give what is to be done: the largest that any policy asks for; less only where all that track agree."""
    wishes = [found for alarm in ringing if (found := _wish(alarm, base))]
    out = [found for found in wishes if found.capacity > base.current]
    if out:
        return max(out, key=lambda found: found.capacity)
    less = [found for found in wishes if found.capacity < base.current]
    low = {alarm.policy.name for alarm in ringing if alarm.alarm == alarm.policy.low}
    tracking = {p.name for p in policies if p.tracks and not p.config.get("DisableScaleIn")}
    if not tracking <= low:
        less = [found for found in less if not found.policy.tracks]
    return max(less, key=lambda found: found.capacity, default=None)


def _wish(ringing: Ringing, base: Base) -> Wish | None:
    policy, config = ringing.policy, ringing.policy.config
    if not policy.tracks:
        breach = ringing.value - ringing.threshold
        asked = stepped(base.current, breach, config)
        if asked is not None and asked > base.current:
            asked = max(base.current, stepped(base.out, breach, config) or 0)
    elif ringing.alarm == policy.high:
        asked = max(base.current, tracked(base.out, ringing.value, config["TargetValue"]))
    elif config.get("DisableScaleIn"):
        return None
    else:
        asked = min(base.current, tracked(base.current, ringing.value, config["TargetValue"]))
    return None if asked is None else Wish(asked, policy, ringing.alarm)
