"""How many there should be: the rules of target tracking and step scaling, without a clock or a call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def tracked(current: int, value: float, target: float) -> int:
    """Give the capacity at which a metric that is shared by all would be on its target.

    The metric is per instance or copy: with none there is nothing to divide, and nothing changes.
    """
    # A hair above a whole number is that number: 3 * 20 / 20.000000001 is three.
    return math.ceil(round(current * value / target, 9)) if current else current


def stepped(current: int, breach: float, config: Mapping[str, Any]) -> int | None:
    """Give the capacity that a step scaling policy asks for, None where no step is for this breach.

    `breach` is the metric's value minus the alarm's threshold.
    """
    step = _step(config["StepAdjustments"], breach)
    if step is None:
        return None
    adjustment = int(step["ScalingAdjustment"])
    if config["AdjustmentType"] == "ExactCapacity":
        return adjustment
    if config["AdjustmentType"] == "ChangeInCapacity":
        return current + adjustment
    change = _whole(current * adjustment / 100)
    least = int(config.get("MinAdjustmentMagnitude", 0))
    if change and abs(change) < least:
        change = least if change > 0 else -least
    return current + change


def _step(steps: Sequence[Mapping[str, Any]], breach: float) -> Mapping[str, Any] | None:
    for step in steps:
        lower = float(step.get("MetricIntervalLowerBound", -math.inf))
        upper = float(step.get("MetricIntervalUpperBound", math.inf))
        # The bound nearer to the threshold belongs to the step, the farther one to the next.
        if lower <= breach < upper if breach >= 0 else lower < breach <= upper:
            return step
    return None


def _whole(change: float) -> int:
    """Round as AWS does: towards zero, but a part of one counts as one."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return math.trunc(change)
