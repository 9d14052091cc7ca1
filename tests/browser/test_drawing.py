"""What is drawn on the screen is there in the picture, whatever the screen, the picture and the zoom."""

from collections.abc import Callable

import pytest
from fake_api import FakeCloud
from person import Person, Rect

pytestmark = pytest.mark.acceptance

SIZES = {
    "as large as the screen": ((640, 480), (320, 200, 120, 90)),
    "smaller than the screen": ((96, 72), (50, 30, 20, 16)),
    "larger than the screen": ((4000, 3000), (2400, 1500, 500, 400)),
    "a long strip": ((2400, 160), (1500, 60, 200, 60)),
}
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "high density": {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 2},
    "odd density": {"viewport": {"width": 1111, "height": 777}, "device_scale_factor": 1.5},
}


@pytest.mark.parametrize(
    ("size", "screen"),
    [
        *((size, "desktop") for size in SIZES),
        ("larger than the screen", "high density"),
        ("smaller than the screen", "odd density"),
    ],
)
def test_a_box_is_where_it_was_drawn(
    cloud: FakeCloud, person: Callable[..., Person], targets: Callable[..., str], size: str, screen: str
) -> None:
    ada = at_target(cloud, person, targets, *SIZES[size], **SCREENS[screen])
    left, top, width, height = ada.seen()

    ada.drag((left, top), (left + width, top + height))

    assert_drawn(cloud, ada, SIZES[size][1], slack=1.6 * SIZES[size][1][2] / width)


@pytest.mark.parametrize("screen", ["desktop", "high density"])
def test_zoomed_and_panned_it_still_is(
    cloud: FakeCloud, person: Callable[..., Person], targets: Callable[..., str], screen: str
) -> None:
    size, at = SIZES["larger than the screen"]
    ada = at_target(cloud, person, targets, size, at, **SCREENS[screen])
    left, top, width, height = ada.seen()
    ada.page.mouse.move(left + width / 2, top + height / 2)
    for _ in range(3):
        ada.page.mouse.wheel(0, -120)
        ada.page.wait_for_timeout(120)
    ada.press("h")
    ada.drag(ada.middle(), (ada.middle()[0] - 60, ada.middle()[1] + 30))
    ada.press("h")
    zoomed = ada.seen()
    assert zoomed[2] > width * 1.6, "the wheel zooms"

    ada.drag((zoomed[0], zoomed[1]), (zoomed[0] + zoomed[2], zoomed[1] + zoomed[3]))

    assert_drawn(cloud, ada, at, slack=1.6 * at[2] / zoomed[2])


def test_fingers_draw_zoom_and_pan(
    cloud: FakeCloud, person: Callable[..., Person], targets: Callable[..., str]
) -> None:
    size, at = (1600, 1200), (650, 480, 300, 240)
    phone = {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 3,
        "has_touch": True,
        "is_mobile": True,
    }
    ada = at_target(cloud, person, targets, size, at, **phone)
    before = ada.seen()
    x, y = before[0] + before[2] / 2, before[1] + before[3] / 2
    ada.swipe(((x - 20, y), (x - 50, y)), ((x + 20, y), (x + 50, y)))
    left, top, width, height = ada.seen()
    assert width > before[2] * 1.7, "two fingers zoom"
    assert ada.list() == [], "and draw nothing"

    ada.swipe(((left, top), (left + width, top + height)))

    assert_drawn(cloud, ada, at, slack=2.5 * at[2] / width)


def test_a_box_is_moved_stretched_and_taken_back(
    cloud: FakeCloud, person: Callable[..., Person], targets: Callable[..., str]
) -> None:
    size, at = SIZES["as large as the screen"]
    ada = at_target(cloud, person, targets, size, at)
    left, top, width, height = ada.seen()
    scale = width / at[2]
    ada.drag((left - 60, top - 60), (left - 60 + width, top - 60 + height))
    ada.drag((left - 60 + width / 2, top - 60 + height / 2), (left + width / 2, top + height / 2))
    assert_drawn(cloud, ada, at, slack=1.6 / scale)

    ada.drag((left + width, top + height), (left + width + 40 * scale, top + height + 20 * scale))
    wider = (*at[:2], at[2] + 40, at[3] + 20)
    assert_drawn(cloud, ada, wider, slack=1.6 / scale)

    ada.press("Control+z")
    assert_drawn(cloud, ada, at, slack=1.6 / scale)
    ada.press("Control+Shift+Z")
    assert_drawn(cloud, ada, wider, slack=1.6 / scale)
    ada.press("Control+z", "Control+z", "Control+z")
    ada.page.get_by_role("heading", name="No boxes").wait_for()


def test_the_keyboard_makes_the_same_box(
    cloud: FakeCloud, person: Callable[..., Person], targets: Callable[..., str]
) -> None:
    size, at = SIZES["as large as the screen"]
    ada = at_target(cloud, person, targets, size, at)
    ada.press("n", "g")
    for value in at:
        ada.page.keyboard.press("Control+a")
        ada.page.keyboard.type(str(value))
        ada.press("Tab")
    assert_drawn(cloud, ada, at, slack=0)

    ada.stage.focus()
    ada.press("[", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown")
    assert_drawn(cloud, ada, (at[0] - 1, at[1] - 1, at[2] + 1, at[3] + 1), slack=0)
    assert "121 wide" in (ada.page.locator("#polite").text_content() or "")

    ada.press("2")
    assert "dent" in (ada.page.locator("#polite").text_content() or "")
    ada.press("Delete")
    ada.page.get_by_role("heading", name="No boxes").wait_for()


def at_target(
    cloud: FakeCloud,
    person: Callable[..., Person],
    targets: Callable[..., str],
    size: tuple[int, int],
    at: tuple[int, int, int, int],
    **screen: object,
) -> Person:
    cloud.tasks.open("r1", "label", [(targets("target.png", size, at), *size)])
    return person(**screen).sign_in().start()


def assert_drawn(cloud: FakeCloud, ada: Person, at: Rect, *, slack: float) -> None:
    """The API has one box, at this place, give or take so many pixels of the picture."""
    [task] = cloud.tasks.of("r1")
    ada.page.wait_for_timeout(50)
    ada.saved()
    assert task.draft is not None
    [box] = task.draft["boxes"]
    found = tuple(box[side] for side in ("left", "top", "width", "height"))
    assert found == pytest.approx(at, abs=max(slack, 1e-9)), f"{found} is not {at}"
