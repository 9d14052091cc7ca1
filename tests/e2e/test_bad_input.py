"""Input that cannot be used at all ends the run at once, with one line that says what to do."""

import html
from pathlib import Path

import pytest
from demo_process import read, run_demo
from PIL import Image

pytestmark = pytest.mark.timeout(120)


def _refused(tmp_path: Path, *arguments: str) -> str:
    folder = tmp_path / "run"
    status, output, left = run_demo(folder, *arguments, seconds=100)
    reason = str(read(folder, "details.json")["failure"]["reason"])
    assert status == 1, output
    assert "Traceback" not in output
    assert left == []
    assert [line for line in output.splitlines() if reason in line] == [f"Read the pictures: {reason}"]
    assert reason in html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    return reason


def _pictures(folder: Path) -> Path:
    folder.mkdir()
    Image.new("L", (64, 48)).save(folder / "one.png")
    return folder


def test_an_empty_folder(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels.json"
    images.mkdir()
    labels.write_text('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "scratch"}]}')
    reason = _refused(tmp_path, "--images", str(images), "--labels", str(labels))
    assert reason == f"{images}: no picture in this folder; give a folder with JPEG or PNG pictures"


def test_a_label_file_that_is_not_what_its_name_says(tmp_path: Path) -> None:
    images = _pictures(tmp_path / "images")
    labels = tmp_path / "labels.coco.json"
    labels.write_bytes((images / "one.png").read_bytes())
    reason = _refused(tmp_path, "--images", str(images), "--labels", str(labels))
    assert reason.startswith("labels.coco.json: a PNG picture, neither COCO JSON nor")


def test_pictures_without_a_label_file(tmp_path: Path) -> None:
    images = _pictures(tmp_path / "images")
    assert "give LABELS=<file> too" in _refused(tmp_path, "--images", str(images))
