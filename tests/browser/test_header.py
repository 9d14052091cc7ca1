"""The header of somebody with every right, on screens of every width: each place can be seen and touched.

SCREENSHOTS=folder keeps what was seen.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_api import FakeCloud
from person import Person
from playwright.sync_api import Locator, Page, expect

WHO = "dora.with-a-long-name@example.com"
ALL = ["annotators", "supervisors", "approvers"]
PLACES = {"Rounds": "#/", "Supervision": "#/supervision", "Models": "#/packages"}
TOUCH = 44  # pixels, as the page's other buttons


@pytest.mark.parametrize("width", [360, 390, 721, 768, 1280])
def test_every_place_and_the_way_out_are_in_sight(
    cloud: FakeCloud, person: Callable[..., Person], tmp_path: Path, width: int
) -> None:
    page = entered(cloud, person, width)
    for place, address in PLACES.items():
        go(page, place)
        for link in (*links(page), page.get_by_role("button", name="Sign out")):
            box = link.bounding_box()
            assert box, link
            assert box["x"] >= 0, link
            assert box["x"] + box["width"] <= width, link
            assert box["height"] >= TOUCH, link
            assert box["width"] >= TOUCH, link
        assert cut_off(page) <= 0, "the places do not fit"
        expect(page.locator("#header [aria-current=page]")).to_have_text(place)
        assert page.url.endswith(address)
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"header-{width}.png")


def test_where_they_do_not_fit_the_one_that_is_open_is_in_sight(
    cloud: FakeCloud, person: Callable[..., Person]
) -> None:
    page = entered(cloud, person, 240)
    assert cut_off(page) > 0
    go(page, "Models")
    nav, link = (page.locator(selector).bounding_box() for selector in ("#header nav", "[aria-current=page]"))
    assert nav
    assert link
    assert link["x"] + link["width"] <= nav["x"] + nav["width"] + 1


def entered(cloud: FakeCloud, person: Callable[..., Person], width: int) -> Page:
    cloud.groups[WHO] = ALL
    return person(WHO, viewport={"width": width, "height": 700}).sign_in().page


def go(page: Page, place: str) -> None:
    page.locator("#header").get_by_role("link", name=place, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#header [aria-current=page]")).to_have_text(place)


def links(page: Page) -> list[Locator]:
    found = page.locator("#header nav").get_by_role("link").all()
    assert [link.inner_text() for link in found] == list(PLACES)
    return found


def cut_off(page: Page) -> int:
    return int(page.locator("#header nav").evaluate("nav => nav.scrollWidth - nav.clientWidth"))
