from __future__ import annotations

from typing import Any

import pytest

from local.autoscaling.decision import stepped, tracked


@pytest.mark.parametrize(
    ("current", "value", "target", "wanted"),
    [
        (2, 600, 600, 2),
        (2, 601, 600, 3),
        (2, 1800, 600, 6),
        (4, 150, 600, 1),
        (4, 0, 600, 0),
        (0, 1000, 600, 0),  # nothing to divide among
        (3, 20, 60, 1),
        (3, 0.1 + 0.2, 0.3, 3),  # not four for a rounding error
    ],
)
def test_target_tracking_divides_the_load_by_the_target(
    current: int, value: float, target: float, wanted: int
) -> None:
    assert tracked(current, value, target) == wanted


def _steps(kind: str, *steps: tuple[float | None, float | None, int], **more: Any) -> dict[str, Any]:
    bounds = ("MetricIntervalLowerBound", "MetricIntervalUpperBound")
    return {
        "AdjustmentType": kind,
        "StepAdjustments": [
            {
                **{name: bound for name, bound in zip(bounds, step[:2], strict=True) if bound is not None},
                "ScalingAdjustment": step[2],
            }
            for step in steps
        ],
        **more,
    }


_LADDER = _steps("ChangeInCapacity", (None, -10, -2), (-10, 0, -1), (0, 10, 1), (10, None, 3))


@pytest.mark.parametrize(
    ("breach", "wanted"), [(0, 6), (9.9, 6), (10, 8), (1000, 8), (-0.1, 4), (-10, 3), (-11, 3)]
)
def test_the_bound_nearer_to_the_threshold_belongs_to_the_step(breach: float, wanted: int) -> None:
    assert stepped(5, breach, _LADDER) == wanted


def test_a_breach_without_a_step_asks_for_nothing() -> None:
    assert stepped(5, -1, _steps("ChangeInCapacity", (0, None, 1))) is None


@pytest.mark.parametrize(
    ("current", "percent", "least", "wanted"),
    [(10, 25, 0, 12), (2, 10, 0, 3), (10, -25, 0, 8), (2, -10, 0, 1), (4, 25, 2, 6), (10, 0, 2, 10)],
)
def test_percent_is_rounded_towards_zero_and_a_part_of_one_is_one(
    current: int, percent: int, least: int, wanted: int
) -> None:
    config = _steps("PercentChangeInCapacity", (0, None, percent), MinAdjustmentMagnitude=least)
    assert stepped(current, 1, config) == wanted


def test_an_exact_capacity_is_that() -> None:
    assert stepped(9, 1, _steps("ExactCapacity", (0, None, 4))) == 4
