"""Whole demos as a user runs them: drawn pictures, a folder of one's own, two at the same time."""

import re
from pathlib import Path

import pytest
from browser import Shown, show
from demo_process import DemoProcess, read, run_demo, write_configuration
from PIL import Image
from user_folder import UserFolder, write_user_folder

pytestmark = pytest.mark.acceptance

LEAST_MAP50 = 0.80
COLOURS_OF_A_PAGE = 200


@pytest.mark.timeout(1500)
def test_the_demo_as_it_comes_learns_to_find_scratches(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    status, output, left = run_demo(folder, seconds=1400)
    assert status == 0, output
    assert "Traceback" not in output
    assert left == []
    summary = read(folder, "summary.json")
    assert summary["model"]["map50"] >= LEAST_MAP50
    assert [device["status"] for device in summary["devices"]] == ["RUNNING"] * 3
    assert summary["iam"]["calls_denied"] == 0
    assert "root" not in summary["iam"]["by_principal"]
    returned = sum(device["images_returned"] for device in summary["devices"])
    assert 0 < returned == len(read(folder, "details.json")["returned"])
    _looks_right(show(folder / "report.html", tmp_path / "report.png"))


@pytest.mark.timeout(1000)
def test_every_picture_of_a_users_folder_is_used_or_named_with_a_reason_beside_another_demo(
    tmp_path: Path,
) -> None:
    given = write_user_folder(tmp_path, ordinary=36)
    configuration = write_configuration(tmp_path / "small.toml", train_steps=30, map50_threshold=0.0)
    folder, configured = tmp_path / "run", ("--config", str(configuration))
    with (
        DemoProcess(folder, *configured, "--images", str(given.images), "--labels", str(given.labels)) as own,
        DemoProcess(tmp_path / "drawn", *configured, "--pictures", "24") as drawn,
    ):
        for demo in (own, drawn):
            assert demo.end(900) == 0, demo.output
            assert "Traceback" not in demo.output
            assert demo.left_behind() == []
    sums = {read(tmp_path / name, "summary.json")["dataset"]["sha256"] for name in ("run", "drawn")}
    assert len(sums) == 2
    _used_upright(given, folder)
    _set_aside_by_name(given, folder)
    _all_accounted_for(given, folder)
    _looks_right(show(folder / "report.html", tmp_path / "report.png"))


def _used_upright(given: UserFolder, folder: Path) -> None:
    known = {image["uri"].rpartition("/")[2]: image for image in read(folder, "manifest.json")["images"]}
    for name, size in given.usable.items():
        assert (known[name]["width"], known[name]["height"]) == size, name
    found = known[given.turned]["boxes"]
    corners = [[box[side] for side in ("left", "top", "width", "height")] for box in found]
    expected = [[box.left, box.top, box.width, box.height] for box in given.turned_boxes]
    assert sorted(corners) == [pytest.approx(box, abs=2.5) for box in sorted(expected)]


def _set_aside_by_name(given: UserFolder, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    said: dict[str, list[str]] = {}
    for entry in read(folder, "details.json")["set_aside"]:
        said.setdefault(entry["name"].rpartition("/")[2], []).append(entry["reason"])
    for name, reason in given.unusable.items():
        assert re.search(reason, " ".join(said.get(name, []))), f"{name}: {said.get(name)}"
        assert name in page


def _all_accounted_for(given: UserFolder, folder: Path) -> None:
    """Each file went through the line, to a device, or is set aside by name."""
    used = {image["uri"].rpartition("/")[2] for image in read(folder, "manifest.json")["images"]}
    aside = {entry["name"].rpartition("/")[2] for entry in read(folder, "details.json")["set_aside"]}
    notes = read(folder, "details.json")["notes"]
    kept = next(note.partition(": ")[2] for note in notes if "kept for the devices" in note).split(", ")
    assert {path.name for path in given.images.iterdir()} - used - aside - set(kept) == set()
    assert len(kept) > 0
    assert used.isdisjoint(kept)


@pytest.mark.timeout(200)
def test_a_page_with_a_mistake_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>missing()</script>", encoding="utf-8")
    shown = show(page, tmp_path / "page.png")
    assert any("missing is not defined" in line for line in shown.console)
    with pytest.raises(AssertionError):
        _looks_right(Shown(shown.screenshot, []))


def _looks_right(shown: Shown) -> None:
    assert shown.console == []
    with Image.open(shown.screenshot) as image:
        colours = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
    assert len(colours) > COLOURS_OF_A_PAGE
