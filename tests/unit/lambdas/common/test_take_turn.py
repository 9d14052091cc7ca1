import pytest

from lambdas.common.take_turn import wait_seconds


@pytest.mark.parametrize(("waited", "wait"), [(-1, 5), (0, 5), (60, 6), (3600, 360), (86400, 600)])
def test_who_waits_long_asks_seldom(waited: float, wait: int) -> None:
    assert wait_seconds(waited) == wait


def test_a_week_of_waiting_fits_into_a_state_machines_history() -> None:
    waited, asked = 0, 0
    while waited < 7 * 86400:
        waited, asked = waited + wait_seconds(waited), asked + 1
    assert asked * 9 < 25_000
