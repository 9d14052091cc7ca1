"""Every view on phone, tablet and desktop, in light and dark: nothing cut off, no serious finding of axe.

SCREENSHOTS=folder keeps what was seen.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeCloud
from person import Person
from pictures import Scratches

pytestmark = pytest.mark.acceptance

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SCREENS: dict[str, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2,
        "has_touch": True, "is_mobile": True,
    },
    "tablet": {"viewport": {"width": 820, "height": 1180}, "has_touch": True},
    "desktop": {"viewport": {"width": 1440, "height": 900}},
}  # fmt: skip
SCREEN_AND_SCHEME = [(screen, scheme) for screen in SCREENS for scheme in ("light", "dark")]


@pytest.mark.parametrize(("screen", "scheme"), SCREEN_AND_SCHEME)
def test_every_view(
    cloud: FakeCloud,
    person: Callable[..., Person],
    plates: Callable[[int], dict[str, Scratches]],
    screen: str,
    scheme: str,
    tmp_path: Path,
) -> None:
    furnish(cloud, plates(4))
    cloud.groups["ada"] = ["annotators", "supervisors"]
    ada = person("ada", color_scheme=scheme, **SCREENS[screen])
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))

    def seen(view: str) -> None:
        at_rest(ada)
        ada.page.screenshot(path=folder / f"{view}-{screen}-{scheme}.png")
        assert_sound(ada, f"{view} on a {screen}, {scheme}")

    ada.page.goto(cloud.page)
    ada.page.get_by_role("button", name="Sign in").wait_for()
    seen("welcome")
    ada.page.get_by_role("button", name="Sign in").click()
    ada.page.locator("a[data-round]").first.wait_for()
    seen("rounds")
    look_at_drawing(ada, seen)
    look_at_checking(ada, seen)
    look_at_last_word(ada, seen)


def look_at_drawing(ada: Person, seen: Callable[[str], None]) -> None:
    open_round(ada, "r1")
    seen("draw")
    ada.press("b")
    seen("draw-chosen")
    ada.press("i")
    seen("guide")
    ada.press("Escape", "?")
    seen("keys")
    ada.press("Escape", "s")
    seen("reason")
    ada.press("Escape", "Enter")
    ada.page.locator(".notice").wait_for()
    seen("notice")


def look_at_checking(ada: Person, seen: Callable[[str], None]) -> None:
    open_round(ada, "r2")
    seen("check")
    ada.press("m", "b")
    seen("mend")


def look_at_last_word(ada: Person, seen: Callable[[str], None]) -> None:
    open_round(ada, "r3")
    ada.press("c")
    seen("last-word")
    ada.press("Enter")
    ada.page.locator("#end").wait_for()
    seen("end")


def open_round(ada: Person, name: str) -> None:
    ada.page.goto(f"{ada.address}/#/")
    ada.page.locator(f'a[data-round="{name}"]').click()
    ada.ready()


def furnish(cloud: FakeCloud, plates: dict[str, Scratches]) -> None:
    """Rounds of each kind, with all that a task can bring."""
    names = list(plates)
    boxes = {
        name: [
            {"label": "scratch", "left": x, "top": y, "width": w, "height": h} for x, y, w, h in found
        ]
        for name, found in plates.items()
    }  # fmt: skip
    cloud.tasks.models = [
        {
            "model": "tags",
            "classes": [
                {
                    "name": "scratch",
                    "instructions": "A bright line in the metal that catches the nail.",
                    "good": [f"{cloud.images}/{names[0]}", f"{cloud.images}/{names[1]}"],
                    "bad": [f"{cloud.images}/{names[2]}"],
                },
                {"name": "dent", "instructions": "A dark hollow with a soft edge."},
            ],
        }
    ]
    before = {"label": "scratch", "left": 80, "top": 90, "width": 90, "height": 60}
    suggested = [{**box, "score": 0.87} for box in boxes[names[0]]]
    cloud.tasks.open(
        "r1", "label", [(names[0], 640, 480)],
        suggested={"boxes": suggested, "model_package_arn": "arn"},
        rejected={"boxes": [before], "reason": "The scratch goes on to the left."},
    )  # fmt: skip
    cloud.tasks.open("r2", "verify", [(names[1], 640, 480)], boxes=boxes[names[1]])
    candidates = [{"by": "ben", "boxes": boxes[names[0]]}, {"by": "cleo", "boxes": []}]
    cloud.tasks.open("r3", "settle", [(names[0], 640, 480)], candidates=candidates)


def at_rest(one: Person) -> None:
    """Wait until pictures have come and nothing moves."""
    if one.page.locator(".viewer canvas").count():
        one.still()
    one.page.evaluate(
        "Promise.allSettled([...document.getAnimations().map(({finished}) => finished),"
        " ...[...document.images].map(image => image.decode())])"
    )


def assert_sound(one: Person, where: str) -> None:
    wide = one.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{where}: {wide} pixels are cut off"
    if not one.page.evaluate("'axe' in window"):
        one.page.evaluate(AXE.read_text())
    found = one.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        f"{rule['id']}: {node['html'][:140]} {node['any'][0]['message'][:160] if node['any'] else ''}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert serious == [], where
