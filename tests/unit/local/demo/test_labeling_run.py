"""How often the demo labels, so that no picture is left."""

import pytest

from local.demo.labeling_run import executions


@pytest.mark.parametrize(
    ("pictures", "round_size", "expected"),
    [(0, 10, 1), (24, 24, 1), (24, 10, 3), (5000, 5000, 1), (10_000, 10_000, 1), (10_001, 10_000, 2)],
)
def test_every_picture_gets_its_turn(pictures: int, round_size: int, expected: int) -> None:
    assert executions(pictures, round_size) == expected
