"""What hands do by mistake or in a hurry, and what eyes need where there is much to see."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from fake_api import FakeCloud
from person import Person
from playwright.sync_api import expect

pytestmark = pytest.mark.acceptance
People = Callable[..., Person]
Targets = Callable[..., str]
Pictures = list[tuple[str, int, int]]
LONG = "wear along the edge of the seal (on the surface, not through it)"


@pytest.fixture
def pictures(targets: Targets) -> Pictures:
    """Three pictures; the last is far larger than any screen."""
    small = [(targets(f"p{n}.png", (640, 480), (100, 100, 80, 60)), 640, 480) for n in range(2)]
    return [*small, (targets("large.png", (4000, 3000), (900, 900, 300, 200)), 4000, 3000)]


def box(label: str, left: float, top: float, side: float = 60) -> dict[str, Any]:
    return {"label": label, "left": left, "top": top, "width": side, "height": side}


def answered(cloud: FakeCloud) -> int:
    return sum(task.answer is not None for task in cloud.tasks.tasks)


def test_a_key_held_down_answers_one_picture(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.open("r1", "verify", pictures, boxes=[box("dent", 50, 50)])
    ada = person().sign_in().start("Check")
    first = ada.task
    ada.page.keyboard.down("Enter")
    for _ in range(20):
        ada.page.keyboard.down("Enter")  # a key that is down already repeats
        ada.page.wait_for_timeout(30)
    ada.page.keyboard.up("Enter")
    assert ada.task != first
    assert answered(cloud) == 1
    ada.press("Enter")
    ada.page.locator('.stage:not([data-task="r1-0"], [data-task="r1-1"])').wait_for()
    assert answered(cloud) == 2


def test_two_clicks_answer_one_picture(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.open("r1", "verify", pictures, boxes=[box("dent", 50, 50)])
    ada = person().sign_in().start("Check")
    first = ada.task
    approve = ada.page.get_by_role("button", name="Approve").bounding_box()
    assert approve is not None
    mouse = ada.page.mouse
    mouse.click(approve["x"] + 40, approve["y"] + 20)
    ada.page.locator(f'.stage[data-task]:not([data-task="{first}"])').wait_for()
    ada.ready()
    mouse.down(click_count=2)
    mouse.up(click_count=2)
    expect(ada.page.get_by_role("button", name="Approve")).to_be_visible()
    assert answered(cloud) == 1


def test_a_small_box_is_moved_by_its_middle(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    [task] = cloud.tasks.open("r1", "label", pictures[2:])
    ada = person().sign_in().start()
    x, y = ada.middle()
    ada.drag((x, y), (x + 8, y + 8))
    ada.saved()
    assert task.draft is not None
    [before] = task.draft["boxes"]
    ada.drag((x + 4, y + 4), (x + 64, y + 44))
    ada.page.wait_for_timeout(50)
    ada.saved()
    [after] = task.draft["boxes"]
    assert (after["width"], after["height"]) == (before["width"], before["height"])
    assert after["left"] > before["left"] + 100


def test_the_middle_button_moves_the_picture(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.open("r1", "verify", pictures[2:], boxes=[box("dent", 1800, 1400, 400)])
    ada = person().sign_in().start("Check")
    ada.press("+", "+")
    ada.still()
    line = ada.page.locator(".boxes .line")
    before = float(line.get_attribute("x") or "nan")
    x, y = ada.middle()
    ada.page.mouse.move(x, y)
    ada.page.mouse.down(button="middle")
    ada.page.mouse.move(x + 90, y, steps=3)
    ada.page.mouse.up(button="middle")
    ada.still()
    assert float(line.get_attribute("x") or "nan") == pytest.approx(before + 90, abs=2)


def test_thirty_classes_leave_room_for_the_rest(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.classes = ["scratch", LONG, *(f"part {n}" for n in range(28))]
    [task] = cloud.tasks.open("r1", "label", pictures[:1], rejected={"boxes": [], "reason": "Look again."})
    ada = person().sign_in().start()
    expect(ada.page.get_by_text("Look again.")).to_be_in_viewport()
    expect(ada.page.get_by_role("heading", name="No boxes")).to_be_in_viewport()
    ada.press("n", "Shift+L", "Shift+L")
    chosen = ada.page.get_by_role("button", name="part 26", exact=True)
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(chosen).to_be_in_viewport()
    ada.press("Enter")
    ada.page.locator("#end").wait_for()
    assert [one["label"] for one in task.boxes] == ["part 26"]


def test_no_name_lies_over_another(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.classes = ["scratch", LONG]
    boxes = [box(cloud.tasks.classes[n % 2], 90 * n, 70 * n, 50) for n in range(40)]
    cloud.tasks.open("r1", "verify", pictures[2:], boxes=boxes)
    ada = person().sign_in().start("Check")
    expect(ada.page.locator(".boxes .line")).to_have_count(40)
    ada.still()
    names = [one.bounding_box() for one in ada.page.locator(".boxes text").all()]
    stage = ada.stage.bounding_box()
    assert 5 < len(names) < 40
    assert stage is not None
    for one, other in combinations([name for name in names if name], 2):
        across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(one["x"], other["x"])
        down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(one["y"], other["y"])
        assert across <= 4 or down <= 4, "they may touch by their outlines only"
    assert all(name and name["x"] + name["width"] <= stage["x"] + stage["width"] + 4 for name in names)


def test_enter_leads_from_the_numbers_back_to_the_picture(
    cloud: FakeCloud, person: People, pictures: Pictures
) -> None:
    [task] = cloud.tasks.open("r1", "label", pictures[:1])
    ada = person().sign_in().start()
    ada.press("n", "g")
    ada.page.keyboard.type("12")
    ada.press("Enter")
    expect(ada.stage).to_be_focused()
    ada.press("g")
    ada.page.keyboard.type("99")
    ada.press("Escape")
    expect(ada.stage).to_be_focused()
    ada.press("Enter")
    ada.page.locator("#end").wait_for()
    assert task.boxes[0]["left"] == 12


def test_a_suggestion_is_named_as_one(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    boxes = [{**box("dent", 50, 50), "score": 0.9}]
    more = {"suggested": {"boxes": boxes, "model_package_arn": "arn"}}
    cloud.tasks.open("r1", "label", pictures[:1], **more)
    ada = person().sign_in().start()
    suggested = ada.page.get_by_role("button", name="dent suggested by a model 90 %")
    expect(suggested).to_be_visible()
    ada.press("b", "a")
    expect(suggested).to_have_count(0)


def test_rounds_that_cannot_be_read_are_read_later(
    cloud: FakeCloud, person: People, pictures: Pictures
) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person().sign_in()
    ada.page.goto(f"{cloud.page}/#/nowhere")
    ada.page.get_by_text("There is nothing here.").wait_for()
    cloud.failures = [503] * 4
    ada.page.goto(f"{cloud.page}/#/")
    ada.page.get_by_text("tries again by itself").wait_for()
    ada.page.locator("a[data-round]").wait_for()
    expect(ada.page.locator(".notice")).to_have_count(0)


def test_a_phone_held_sideways_has_room_for_all(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person(viewport={"width": 720, "height": 360}, has_touch=True).sign_in().start()
    for shown in (
        ada.stage,
        ada.page.get_by_role("button", name="Done"),
        ada.page.get_by_role("group", name="Picture tools"),
    ):
        expect(shown).to_be_in_viewport(ratio=1)
    stage = ada.stage.bounding_box()
    assert stage is not None
    assert stage["height"] > 200


def test_a_deleted_box_hands_the_focus_to_the_picture(
    cloud: FakeCloud, person: People, pictures: Pictures
) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person().sign_in().start()
    ada.press("n", "n")
    ada.page.get_by_role("button", name="Delete scratch 2").focus()
    ada.press("Enter")
    expect(ada.stage).to_be_focused()
    assert len(ada.list()) == 1


def test_each_view_has_a_title_and_takes_the_focus(
    cloud: FakeCloud, person: People, pictures: Pictures
) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person().sign_in()
    expect(ada.page).to_have_title("Rounds · Edgeline")
    ada.start()
    expect(ada.page).to_have_title("Pictures · Edgeline")
    expect(ada.stage).to_be_focused()
    ada.page.get_by_role("link", name="Back to the rounds").click()
    expect(ada.page.locator("#main")).to_be_focused()


def test_a_clock_that_is_ahead_ends_no_lease(cloud: FakeCloud, person: People, pictures: Pictures) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person()
    ada.page.add_init_script("const now = Date.now; Date.now = () => now() + 900_000;")
    ada.sign_in().start()
    ada.press("n")
    ada.saved()
    ada.page.wait_for_timeout(1500)  # longer than the lease is looked at
    expect(ada.page.locator(".notice")).to_have_count(0)


def test_an_answer_is_sent_where_the_browser_has_no_room_for_it(
    cloud: FakeCloud, person: People, pictures: Pictures
) -> None:
    cloud.tasks.open("r1", "label", pictures[:1])
    ada = person()
    ada.page.add_init_script(
        """Storage.prototype.setItem = new Proxy(Storage.prototype.setItem, {apply(call, store, given) {
            if (store === localStorage) throw new DOMException("full", "QuotaExceededError");
            return call.apply(store, given);
        }});"""
    )
    ada.sign_in().start()
    ada.press("n", "Enter")
    ada.page.locator("#end").wait_for()
    assert answered(cloud) == 1
