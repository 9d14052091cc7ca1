"""Two people draw and check a round of 12 pictures: by mouse, by keyboard alone, by touch."""

from collections.abc import Callable

import pytest
from fake_api import FakeCloud
from person import Person
from pictures import Scratches
from round_of_twelve import (
    EMPTY,
    HEIGHT,
    MENDED,
    PHONE,
    PICTURES,
    REJECTED,
    UNUSABLE,
    WIDTH,
    check_by_keyboard,
    check_by_mouse,
    check_by_touch,
    draw_by_keyboard,
    draw_by_mouse,
    draw_by_touch,
    start_by_keyboard,
)  # fmt: skip

pytestmark = pytest.mark.acceptance


def test_by_mouse(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    ada = person("ada").sign_in().start()
    draw_by_mouse(ada, scratches.__getitem__)
    assert_labelled(cloud, scratches, slack=2)
    ada.page.get_by_role("heading", name="All done here").wait_for()
    check_by_mouse(person("ben").sign_in().start("Check"))
    assert_checked(cloud)


def test_by_keyboard_alone(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    draw_by_keyboard(start_by_keyboard(person("ada")), scratches.__getitem__)
    assert_labelled(cloud, scratches, slack=0.01)
    check_by_keyboard(start_by_keyboard(person("ben")))
    assert_checked(cloud)


def test_by_touch(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    draw_by_touch(person("ada", **PHONE).sign_in().start(), scratches.__getitem__)
    assert_labelled(cloud, scratches, slack=6)
    check_by_touch(person("ben", **PHONE).sign_in().start("Check"))
    assert_checked(cloud)


def opened(cloud: FakeCloud, plates: Callable[..., dict[str, Scratches]]) -> list[Scratches]:
    drawn = plates(PICTURES)
    cloud.tasks.verify_follows = True
    cloud.tasks.open("r1", "label", [(name, WIDTH, HEIGHT) for name in drawn])
    return list(drawn.values())


def assert_labelled(cloud: FakeCloud, scratches: list[Scratches], *, slack: float) -> None:
    for number, task in enumerate(cloud.tasks.of("r1")):
        assert task.answer is not None
        assert task.answered_by == "ada"
        if number == UNUSABLE:
            assert task.answer["unusable"] == "Blurred"
            continue
        expected = [] if number == EMPTY else scratches[number]
        found = [tuple(box[side] for side in ("left", "top", "width", "height")) for box in task.boxes]
        assert len(found) == len(expected), f"picture {number}"
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, abs=slack), f"picture {number}"


def assert_checked(cloud: FakeCloud) -> None:
    checks = cloud.tasks.of("r1v")
    assert len(checks) == PICTURES
    for number, task in enumerate(checks):
        assert task.answer is not None
        assert task.answered_by == "ben"
        if number == REJECTED:
            assert task.answer["verdict"] == "reject"
            assert task.answer["reason"] == "A box is missing"
        elif number == MENDED:
            assert task.answer["verdict"] == "mend"
            assert len(task.boxes) == len(task.more["boxes"]) + 1
        else:
            assert task.answer["verdict"] == "approve"
