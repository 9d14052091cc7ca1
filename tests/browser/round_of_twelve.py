"""How two people draw and check a round of 12 pictures: by mouse, by keyboard alone, by touch.

Four of the pictures are special, by their number in the round. `scratches` are those of a task by its number.
"""

from collections.abc import Callable, Iterator

from person import Person
from pictures import Scratches

PICTURES, WIDTH, HEIGHT = 12, 640, 480
EMPTY, UNUSABLE, REJECTED, MENDED = 3, 5, 2, 7
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
ScratchesOf = Callable[[int], Scratches]


def draw_by_mouse(one: Person, scratches: ScratchesOf) -> None:
    for number in every_task(one):
        if number == EMPTY:
            one.answer("Nothing here")
        elif number == UNUSABLE:
            one.answer("Unusable")
            one.page.get_by_role("radio", name="Blurred").check()
            one.page.get_by_role("dialog").get_by_role("button", name="Unusable").click()
        else:
            for box in scratches(number):
                one.drag(*corners(one, box))
            one.answer("Done")


def check_by_mouse(one: Person) -> None:
    for number in every_task(one):
        if number == REJECTED:
            one.answer("Reject")
            one.page.get_by_role("radio", name="A box is missing").check()
            one.page.get_by_role("dialog").get_by_role("button", name="Reject").click()
        elif number == MENDED:
            one.answer("Mend")
            x, y = one.middle()
            one.drag((x - 40, y + 140), (x + 10, y + 180))
            one.answer("Done")
        else:
            one.answer("Approve")


def draw_by_keyboard(one: Person, scratches: ScratchesOf) -> None:
    for number in every_task(one):
        if number == EMPTY:
            one.press("e")
        elif number == UNUSABLE:
            one.press("x")
            one.page.get_by_role("radio", name="Blurred").wait_for()
            one.press("Space", "Enter")
        else:
            for box in scratches(number):
                one.press("n", "g")
                for value in box:
                    one.page.keyboard.type(str(value))
                    one.press("Tab")
                one.stage.focus()
            one.press("Enter")


def check_by_keyboard(one: Person) -> None:
    for number in every_task(one):
        if number == REJECTED:
            one.press("r")
            one.page.get_by_role("radio", name="A box is missing").wait_for()
            one.press("Space", "Enter")
        elif number == MENDED:
            one.press("m", "n", "2", "ArrowDown", "Enter")
        else:
            one.press("Enter")


def draw_by_touch(one: Person, scratches: ScratchesOf) -> None:
    for number in every_task(one):
        if number == EMPTY:
            tap(one, "Nothing here")
        elif number == UNUSABLE:
            tap(one, "Unusable")
            one.page.get_by_text("Blurred").tap()
            one.page.get_by_role("dialog").get_by_role("button", name="Unusable").tap()
        else:
            for box in scratches(number):
                # A finger near a box that is selected takes hold of it: let go of it first.
                one.page.touchscreen.tap(*corners(one, (20, 20, 1, 1))[0])
                one.swipe(corners(one, box))
            tap(one, "Done")


def check_by_touch(one: Person) -> None:
    for number in every_task(one):
        if number == REJECTED:
            tap(one, "Reject")
            one.page.get_by_text("A box is missing").tap()
            one.page.get_by_role("dialog").get_by_role("button", name="Reject").tap()
        elif number == MENDED:
            tap(one, "Mend")
            x, y = one.middle()
            one.swipe(((x - 40, y + 60), (x + 10, y + 100)))
            tap(one, "Done")
        else:
            tap(one, "Approve")


def every_task(one: Person) -> Iterator[int]:
    """The number of each task that is shown, until nothing is left."""
    while not one.at_the_end():
        number = number_of(one)
        yield number
        one.next_after(f"-{number}")


def number_of(one: Person) -> int:
    return int(one.task.rsplit("-", 1)[1])


def tap(one: Person, name: str) -> None:
    one.page.get_by_role("group", name="Answer").get_by_role("button", name=name).tap()


def corners(one: Person, box: tuple[int, int, int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the window shows two corners of a box of a picture that fits into the stage."""
    stage = one.stage.bounding_box()
    assert stage is not None
    scale = min(stage["width"] / WIDTH, stage["height"] / HEIGHT)
    x = stage["x"] + (stage["width"] - WIDTH * scale) / 2
    y = stage["y"] + (stage["height"] - HEIGHT * scale) / 2
    left, top, width, height = box
    return (x + left * scale, y + top * scale), (x + (left + width) * scale, y + (top + height) * scale)


def tab_to(one: Person, *names: str) -> None:
    for _ in range(20):
        one.press("Tab")
        if (one.page.evaluate("document.activeElement.innerText") or "").strip() in names:
            return
    raise AssertionError(f"{names} cannot be reached by Tab")


def start_by_keyboard(one: Person, account: tuple[str, str] | None = None) -> Person:
    """From the page's address to the first picture with Tab and Enter; `account`: name and password."""
    one.page.goto(one.address)
    one.page.get_by_role("button", name="Sign in").wait_for()
    tab_to(one, "Sign in")
    one.press("Enter")
    if account:
        one.page.get_by_label("Username").wait_for()
        tab_into(one, "username")
        one.page.keyboard.type(account[0])
        tab_into(one, "password")
        one.page.keyboard.type(account[1])
        one.press("Enter")
    one.page.get_by_role("heading", name="Rounds").wait_for()
    one.page.locator("a[data-round]").first.wait_for()
    one.page.locator("body").focus()
    tab_to(one, "Draw", "Check")
    one.press("Enter")
    return one.ready()


def tab_into(one: Person, field: str) -> None:
    for _ in range(6):
        if one.page.evaluate("document.activeElement.name") == field:
            return
        one.press("Tab")
    raise AssertionError(f"{field} cannot be reached by Tab")
