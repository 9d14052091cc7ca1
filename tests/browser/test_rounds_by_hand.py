"""Two people draw and check a round of 12 pictures: by mouse, by keyboard alone, by touch."""

from collections.abc import Callable

import pytest
from fake_api import FakeCloud
from person import Person
from pictures import Scratches

pytestmark = pytest.mark.acceptance

PICTURES = 12
EMPTY, UNUSABLE, REJECTED, MENDED = 3, 5, 2, 7
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}


def test_by_mouse(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    ada = person("ada").sign_in().start()
    for _ in range(PICTURES):
        number = number_of(ada)
        if number == EMPTY:
            ada.answer("Nothing here")
        elif number == UNUSABLE:
            ada.answer("Unusable")
            ada.page.get_by_role("radio", name="Blurred").check()
            ada.page.get_by_role("dialog").get_by_role("button", name="Unusable").click()
        else:
            for box in scratches[number]:
                ada.drag(*corners(ada, box))
            ada.answer("Done")
        wait_for_next(ada, number)
    assert_labelled(cloud, scratches, slack=2)
    ada.page.get_by_role("heading", name="All done here").wait_for()

    ben = person("ben").sign_in().start("Check")
    for _ in range(PICTURES):
        number = number_of(ben)
        if number == REJECTED:
            ben.answer("Reject")
            ben.page.get_by_role("radio", name="A box is missing").check()
            ben.page.get_by_role("dialog").get_by_role("button", name="Reject").click()
        elif number == MENDED:
            ben.answer("Mend")
            ben.drag(
                (ben.middle()[0] - 40, ben.middle()[1] + 140), (ben.middle()[0] + 10, ben.middle()[1] + 180)
            )
            ben.answer("Done")
        else:
            ben.answer("Approve")
        wait_for_next(ben, number)
    assert_checked(cloud)


def test_by_keyboard_alone(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    ada = start_by_keyboard(person("ada"), cloud)
    for _ in range(PICTURES):
        number = number_of(ada)
        if number == EMPTY:
            ada.press("e")
        elif number == UNUSABLE:
            ada.press("x")
            ada.page.get_by_role("radio", name="Blurred").wait_for()
            ada.press("Space", "Enter")
        else:
            for box in scratches[number]:
                ada.press("n", "g")
                for value in box:
                    ada.page.keyboard.type(str(value))
                    ada.press("Tab")
                ada.stage.focus()
            ada.press("Enter")
        wait_for_next(ada, number)
    assert_labelled(cloud, scratches, slack=0.01)

    ben = start_by_keyboard(person("ben"), cloud)
    for _ in range(PICTURES):
        number = number_of(ben)
        if number == REJECTED:
            ben.press("r")
            ben.page.get_by_role("radio", name="A box is missing").wait_for()
            ben.press("Space", "Enter")
        elif number == MENDED:
            ben.press("m", "n", "2", "ArrowDown", "Enter")
        else:
            ben.press("Enter")
        wait_for_next(ben, number)
    assert_checked(cloud)


def test_by_touch(
    cloud: FakeCloud, person: Callable[..., Person], plates: Callable[..., dict[str, Scratches]]
) -> None:
    scratches = opened(cloud, plates)
    ada = person("ada", **PHONE).sign_in().start()
    for _ in range(PICTURES):
        number = number_of(ada)
        if number == EMPTY:
            tap(ada, "Nothing here")
        elif number == UNUSABLE:
            tap(ada, "Unusable")
            ada.page.get_by_text("Blurred").tap()
            ada.page.get_by_role("dialog").get_by_role("button", name="Unusable").tap()
        else:
            for box in scratches[number]:
                # A finger near a box that is selected takes hold of it: let go of it first.
                ada.page.touchscreen.tap(*corners(ada, (20, 20, 1, 1))[0])
                ada.swipe(corners(ada, box))
            tap(ada, "Done")
        wait_for_next(ada, number)
    assert_labelled(cloud, scratches, slack=6)

    ben = person("ben", **PHONE).sign_in().start("Check")
    for _ in range(PICTURES):
        number = number_of(ben)
        if number == REJECTED:
            tap(ben, "Reject")
            ben.page.get_by_text("A box is missing").tap()
            ben.page.get_by_role("dialog").get_by_role("button", name="Reject").tap()
        elif number == MENDED:
            tap(ben, "Mend")
            ben.swipe(
                ((ben.middle()[0] - 40, ben.middle()[1] + 60), (ben.middle()[0] + 10, ben.middle()[1] + 100))
            )
            tap(ben, "Done")
        else:
            tap(ben, "Approve")
        wait_for_next(ben, number)
    assert_checked(cloud)


def opened(cloud: FakeCloud, plates: Callable[..., dict[str, Scratches]]) -> list[Scratches]:
    drawn = plates(PICTURES)
    cloud.tasks.verify_follows = True
    cloud.tasks.open("r1", "label", [(name, 640, 480) for name in drawn])
    return list(drawn.values())


def start_by_keyboard(one: Person, cloud: FakeCloud) -> Person:
    """From the page's address to the first picture with Tab and Enter."""
    one.page.goto(cloud.page)
    one.page.get_by_role("button", name="Sign in").wait_for()
    tab_to(one, "Sign in")
    one.press("Enter")
    one.page.get_by_role("heading", name="Rounds").wait_for()
    one.page.locator("a[data-round]").first.wait_for()
    one.page.locator("body").focus()
    tab_to(one, "Draw", "Check")
    one.press("Enter")
    return one.ready()


def tab_to(one: Person, *names: str) -> None:
    for _ in range(20):
        one.press("Tab")
        if (one.page.evaluate("document.activeElement.innerText") or "").strip() in names:
            return
    raise AssertionError(f"{names} cannot be reached by Tab")


def number_of(one: Person) -> int:
    return int(one.task.rsplit("-", 1)[1])


def wait_for_next(one: Person, number: int) -> None:
    """Until another picture than this, or the end, is shown."""
    other = one.page.locator(f'.stage[data-task]:not([data-task$="-{number}"]), #end')
    other.first.wait_for(state="attached")
    if not one.page.locator("#end").count():
        one.ready()


def tap(one: Person, name: str) -> None:
    one.page.get_by_role("group", name="Answer").get_by_role("button", name=name).tap()


def corners(one: Person, box: tuple[int, int, int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the window shows two corners of a box of a 640 x 480 picture that fits into the stage."""
    stage = one.stage.bounding_box()
    assert stage is not None
    scale = min(stage["width"] / 640, stage["height"] / 480)
    x = stage["x"] + (stage["width"] - 640 * scale) / 2
    y = stage["y"] + (stage["height"] - 480 * scale) / 2
    left, top, width, height = box
    return (x + left * scale, y + top * scale), (x + (left + width) * scale, y + (top + height) * scale)


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
