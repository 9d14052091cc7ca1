"""The page in Debian's Chromium, with a made-up deployment around it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeCloud
from person import Person, arrive
from pictures import Scratches, plate, target
from playwright.sync_api import Browser


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[FakeCloud]:
    with FakeCloud(tmp_path) as started:
        yield started


@pytest.fixture
def person(browser: Browser, cloud: FakeCloud) -> Iterator[Callable[..., Person]]:
    """Makes people: `person("ada", has_touch=True)`. The browser may complain of nothing."""
    people: list[Person] = []

    def make(who: str = "ada", **options: Any) -> Person:
        cloud.who = who
        people.append(arrive(browser, cloud.page, **options))
        return people[-1]

    yield make
    for one in people:
        one.close()
    assert [line for one in people for line in one.complaints] == []


@pytest.fixture
def plates(cloud: FakeCloud) -> Callable[[int], dict[str, Scratches]]:
    """Draws so many pictures of plates; the scratches of each by its name."""

    def draw(count: int) -> dict[str, Scratches]:
        return {f"plate{n}.jpg": plate(cloud.pictures / f"plate{n}.jpg", 640, 480, n) for n in range(count)}

    return draw


@pytest.fixture
def targets(cloud: FakeCloud) -> Callable[..., str]:
    """Draws a picture of a size with a red target at a place."""

    def draw(name: str, size: tuple[int, int], at: tuple[int, int, int, int]) -> str:
        target(cloud.pictures / name, size, at)
        return name

    return draw
