"""The demo of the tree on a user's own folder, to the page on which one drops a picture.

A parent with one child and a class of its own: the drawn demo has three children, and takes 14 minutes.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import show
from demo_process import DemoProcess
from playwright.sync_api import Browser, Page, expect

from local.species.drawing import fresh_pictures, training_pictures

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1500)]
PAGE = re.compile(r"Drop a picture at (http://127\.0\.0\.1:\d+/)")
SPECIES = "daisy"
GIVEN = (SPECIES, "sunflower", "monarch")  # two flowers, one butterfly
EACH, TRIED = 16, 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """A small run, to where its page is up."""
    folder = tmp_path_factory.mktemp("species")
    given = write_pictures(folder / "mine")
    with DemoProcess(folder / "run", "--images", str(given), "--stay", command="demo-species") as started:
        started.await_line("Drop a picture at", seconds=1400)
        yield started
        started.interrupt()
        assert started.end(60) == 0, started.output
        assert "Traceback" not in started.output
        assert started.left_behind() == []


def write_pictures(folder: Path) -> Path:
    """Write <group>/<species>/ folders of pictures, and a file that is none."""
    for picture in training_pictures(11, EACH):
        if picture.species in GIVEN:
            path = folder / picture.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture.encoded())
    (folder / "notes.txt").write_text("not in any folder")
    return folder


@pytest.fixture
def page(demo: DemoProcess, browser: Browser) -> Iterator[Page]:
    found = PAGE.search(demo.output)
    assert found
    opened = browser.new_page()
    opened.goto(found[1])
    yield opened
    opened.close()


def test_all_members_of_the_tree_go_to_prod_together_and_are_asked(demo: DemoProcess) -> None:
    assert "2 models together, tested in staging, then prod" in demo.output
    assert re.search(rf"\d+ of {len(GIVEN) * TRIED} named right by parent and child", demo.output)


def test_the_report_compares_the_tree_with_a_flat_model_and_links_each_evaluation(
    demo: DemoProcess, tmp_path: Path
) -> None:
    shown = show(demo.folder / "report.html", tmp_path / "report.png")
    assert shown.console == []
    text = (demo.folder / "report.html").read_text(encoding="utf-8")
    assert "Both were measured on the same" in text
    assert "notes.txt" in text
    for model in ("flowers", "species", "flat"):
        assert f'href="models/{model}.html"' in text
        assert (demo.folder / "models" / f"{model}.html").stat().st_size > 5000


def test_a_dropped_picture_shows_the_route_that_it_takes(page: Page, tmp_path: Path) -> None:
    picture = next(one for one in fresh_pictures(11, 1) if one.species == SPECIES)
    path = tmp_path / "mine.jpg"
    path.write_bytes(picture.encoded())
    page.set_input_files("#file", path)
    steps = page.locator(".step")
    expect(steps.first).to_be_visible(timeout=30_000)
    expect(steps.first.locator("h3")).to_contain_text("species")
    expect(steps.first.locator("dt")).to_have_count(2)  # the group, and the species that is alone
    expect(page.locator("#answer h2")).not_to_be_empty()


def test_what_is_no_picture_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "mine.jpg"
    path.write_bytes(b"not a picture")
    page.set_input_files("#file", path)
    expect(page.locator("#answer .note")).to_contain_text("bad picture", timeout=30_000)


def test_one_of_the_pictures_to_try_is_enough_of_a_click(page: Page) -> None:
    samples = page.locator("#samples button")
    expect(samples).to_have_count(len(GIVEN) * TRIED)
    samples.first.click()
    expect(page.locator(".step").first).to_be_visible(timeout=30_000)
