"""The data's check from pictures in folders to the files of a version, and what is not good enough."""

import hashlib
import io
import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checked_data import SPECIES, write_settings
from PIL import Image

from pipeline_defs.classification.data_check import check_data
from pipeline_defs.classification.dataset import read_header, read_images
from pipeline_defs.classification.examination import Examination, read_object
from pipeline_defs.classification.listing import Listed, Listing
from pipeline_defs.classification.scripts.check_data import main
from pipeline_defs.classification.settings import ClassificationSettings, Quality
from pipeline_defs.common.job import JobError, run
from pipeline_defs.common.objects import Fetched

SETTINGS = replace(SPECIES, quality=Quality(min_pictures=3, max_quarantined=0.8))
AS_OF = "2026-11-21T12:00:00Z"
NAMES = ("images.jsonl", "manifest.json", "quarantine.jsonl", "report.json")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four good pictures of each class."""
    folder = tmp_path / "pictures"
    for number, name in enumerate(SETTINGS.classes):
        for seed in range(4):
            put(folder, f"{name}/{seed}.jpg", draw(100 * number + seed))
    return folder


def draw(seed: int) -> bytes:
    """A picture that no other one resembles."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((90, 80), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


def put(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path.as_uri()


def again(content: bytes, quality: int = 40) -> bytes:
    """The same picture, encoded again."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(content)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def check(
    folder: Path, output: Path, settings: ClassificationSettings = SETTINGS, listing: Any = None
) -> dict[str, Any]:
    """Check, and return the report."""
    listing = listing or Listing(str(folder), settings.classes, None)
    examination = Examination(settings.quality, read_object, 1)
    check_data(settings, listing, examination, output, as_of=AS_OF, processes=1)
    return dict(json.loads((output / "dataset" / "report.json").read_text()))


def quarantined(output: Path, folder: str = "dataset") -> dict[str, tuple[str, str]]:
    lines = (output / folder / "quarantine.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert entries == sorted(entries, key=lambda entry: entry["uri"])
    return {entry["uri"].split("/pictures/")[1]: (entry["reason"], entry["detail"]) for entry in entries}


def test_good_pictures_become_a_version_with_all_that_is_known_of_them(
    pictures: Path, tmp_path: Path
) -> None:
    check(pictures, tmp_path)
    header = read_header(tmp_path / "dataset")
    images = list(read_images(tmp_path / "dataset"))
    assert header.count == len(images) == 12
    assert header.document["counts"] == {"tulip": 4, "daffodil": 4, "mushroom": 4}
    assert header.document["as_of"] == AS_OF
    assert header.labels == {"flowers": ("tulip", "daffodil"), "mushroom": ("mushroom",)}
    assert [image.sha256 for image in images] == sorted(image.sha256 for image in images)
    for image in images:
        content = Path(image.uri.removeprefix("file://")).read_bytes()
        assert (image.sha256, image.size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (image.width, image.height, image.format, image.version_id) == (90, 80, "JPEG", None)
        assert image.label == ("mushroom" if image.class_name == "mushroom" else "flowers")
        assert image.group == image.sha256[:16]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "pictures"]
    assert sorted(path.name for path in (tmp_path / "dataset").iterdir()) == sorted(NAMES)


def test_of_copies_in_a_class_the_first_by_name_stays(pictures: Path, tmp_path: Path) -> None:
    first = put(pictures, "tulip/0.jpg", draw(0))
    put(pictures, "tulip/copy.jpg", draw(0))
    put(pictures, "tulip/nested/tulip/copy.jpg", draw(0))
    check(pictures, tmp_path)
    assert quarantined(tmp_path) == {
        "tulip/copy.jpg": ("duplicate", f"the same bytes as {first}"),
        "tulip/nested/tulip/copy.jpg": ("duplicate", f"the same bytes as {first}"),
    }


def test_copies_in_several_classes_all_go(pictures: Path, tmp_path: Path) -> None:
    put(pictures, "tulip/5.jpg", draw(55))
    put(pictures, "daffodil/5.jpg", draw(55))
    put(pictures, "daffodil/6.jpg", draw(55))
    check(pictures, tmp_path)
    why = ("duplicate across classes", "the same bytes are in daffodil, tulip")
    names = ("daffodil/5.jpg", "daffodil/6.jpg", "tulip/5.jpg")
    assert quarantined(tmp_path) == dict.fromkeys(names, why)


def test_near_duplicates_of_a_class_stay_in_one_group(pictures: Path, tmp_path: Path) -> None:
    uris = {put(pictures, f"tulip/{n}.jpg", again(draw(0), 10 * n)) for n in (5, 8)}
    uris.add((pictures / "tulip" / "0.jpg").as_uri())
    report = check(pictures, tmp_path)
    images = list(read_images(tmp_path / "dataset"))
    groups = {image.group for image in images if image.uri in uris}
    assert len(groups) == 1
    assert {image.uri for image in images if image.group in groups} == uris
    assert groups == {min(image.sha256 for image in images if image.uri in uris)[:16]}
    assert report["near_duplicates"] == {"groups": 1, "pictures": 3, "largest": [3]}


def test_near_duplicates_across_classes_go_and_name_each_other(pictures: Path, tmp_path: Path) -> None:
    here, there = draw(77), again(draw(77))
    put(pictures, "tulip/7.jpg", here)
    put(pictures, "mushroom/7.jpg", there)
    check(pictures, tmp_path)
    names = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in (("a", here), ("b", there))}
    reason = "near-duplicate across classes"
    assert quarantined(tmp_path) == {
        "tulip/7.jpg": (reason, f"nearly the picture {names['b']}… of mushroom"),
        "mushroom/7.jpg": (reason, f"nearly the picture {names['a']}… of tulip"),
    }
    exact = replace(SETTINGS, quality=replace(SETTINGS.quality, near_duplicate_bits=0))
    assert check(pictures, tmp_path, exact)["quarantined"] == 0


def test_a_near_duplicate_of_copies_in_several_classes_goes_too(pictures: Path, tmp_path: Path) -> None:
    put(pictures, "tulip/7.jpg", draw(77))
    put(pictures, "daffodil/7.jpg", draw(77))
    put(pictures, "mushroom/7.jpg", again(draw(77)))
    check(pictures, tmp_path)
    assert quarantined(tmp_path)["mushroom/7.jpg"][0] == "near-duplicate across classes"


class InAnyOrder(Listing):
    """The same pictures in another order."""

    def __init__(self, pictures: Path, seed: int) -> None:
        super().__init__(str(pictures), SETTINGS.classes, None)
        self._seed = seed

    def __iter__(self) -> Iterator[Listed]:
        listed = list(super().__iter__())
        random.Random(self._seed).shuffle(listed)  # noqa: S311 - no secret
        return iter(listed)


def test_the_order_of_the_listing_changes_no_byte(pictures: Path, tmp_path: Path) -> None:
    for name, seed in (
        ("tulip/c.jpg", 0),
        ("tulip/a.jpg", 0),
        ("daffodil/c.jpg", 1),
        ("mushroom/x.jpg", 201),
    ):
        put(pictures, name, draw(seed))
    put(pictures, "tulip/near.jpg", again(draw(2)))
    put(pictures, "mushroom/near.jpg", again(draw(3)))
    put(pictures, "daffodil/bad.jpg", b"\xff\xd8\xff")
    contents = set()
    for seed in range(4):
        check(pictures, tmp_path / str(seed), listing=InAnyOrder(pictures, seed))
        contents.add(tuple((tmp_path / str(seed) / "dataset" / name).read_bytes() for name in NAMES))
    assert len(contents) == 1
    reasons = {reason for reason, _ in quarantined(tmp_path / "0").values()}
    assert reasons == {"broken", "duplicate", "duplicate across classes", "near-duplicate across classes"}


def test_several_processes_give_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    for number in range(300):
        put(pictures, f"tulip/more-{number}.jpg", draw(1000 + number))
    put(pictures, "tulip/bad.jpg", draw(1)[:900])
    settings = write_settings(tmp_path / "settings.json", SETTINGS)
    for processes in ("1", "2"):
        main(
            [f"--settings={settings}", f"--source={pictures}", f"--processes={processes}",
             f"--output-dir={tmp_path / processes}"]
        )  # fmt: skip
    for name in ("images.jsonl", "quarantine.jsonl", "report.json"):
        assert (tmp_path / "1/dataset" / name).read_bytes() == (tmp_path / "2/dataset" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda folder: put(folder, "tulip/0.jpg", b""),
            "1 of 12 pictures are quarantined.*1 empty.*remove them",
        ),
        (
            lambda folder: [path.unlink() for path in (folder / "tulip").iterdir()],
            "no good picture of tulip: ",
        ),
        (
            lambda folder: (folder / "tulip/0.jpg").unlink(),
            r"fewer than min_pictures = 4 .* of tulip \(3\): add",
        ),
    ],
    ids=["too much in quarantine", "a class without a picture", "too few of a class"],
)
def test_what_is_not_good_enough_ends_the_job_and_is_listed(
    pictures: Path, tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    change(pictures)
    strict = replace(SETTINGS, quality=Quality(min_pictures=4, max_quarantined=0.05))
    with pytest.raises(JobError, match=f"{words}.*; the lists are in {tmp_path}/refused$"):
        check(pictures, tmp_path, strict)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "refused"]
    assert sorted(path.name for path in (tmp_path / "refused").iterdir()) == [
        "quarantine.jsonl",
        "report.json",
    ]


def test_a_class_whose_pictures_are_all_bad_is_named_with_their_number(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(4):
        put(pictures, f"mushroom/{seed}.jpg", b"\xff\xd8\xff broken")
    with pytest.raises(JobError, match=r"no good picture of mushroom \(4 in quarantine\)"):
        check(pictures, tmp_path)
    assert len(quarantined(tmp_path, "refused")) == 4
    assert capsys.readouterr().out.count("/mushroom/0.jpg: broken: ") == 1


def test_no_picture_at_all_is_said_with_the_folders_that_are_there(tmp_path: Path) -> None:
    put(tmp_path / "pictures", "oaks/1.jpg", b"")
    with pytest.raises(JobError, match=r"no picture of tulip, daffodil, mushroom: a class is .*: oaks; "):
        check(tmp_path / "pictures", tmp_path)


def test_of_very_many_classes_without_pictures_some_are_named(tmp_path: Path) -> None:
    many = replace(SETTINGS, labels={f"c{number}": (f"c{number}",) for number in range(500)}, children={})
    (tmp_path / "pictures").mkdir()
    with pytest.raises(JobError, match=r"no picture of c0, .*, c11 and 488 more: "):
        check(tmp_path / "pictures", tmp_path, many)


def test_good_data_after_refused_data_takes_its_place(pictures: Path, tmp_path: Path) -> None:
    bad = pictures / "tulip" / "0.jpg"
    good = bad.read_bytes()
    strict = replace(SETTINGS, quality=Quality(min_pictures=4))
    check(pictures, tmp_path, strict)
    before = (tmp_path / "dataset" / "manifest.json").read_bytes()
    bad.write_bytes(b"")
    with pytest.raises(JobError):
        check(pictures, tmp_path, strict)
    assert (tmp_path / "dataset" / "manifest.json").read_bytes() == before
    bad.write_bytes(good)
    put(pictures, "tulip/9.jpg", draw(9))
    check(pictures, tmp_path, strict)
    assert (tmp_path / "dataset" / "manifest.json").read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "pictures"]


class DiskFull:
    """The disk is full half-way."""

    def __call__(self, listed: Listed, max_bytes: int) -> Fetched:
        if listed.uri.endswith("2.jpg"):
            raise OSError(28, "No space left on device")
        return read_object(listed, max_bytes)


class Killed:
    """The process is killed at a picture, as when memory runs out."""

    def __call__(self, listed: Listed, max_bytes: int) -> Fetched:
        if listed.uri.endswith("-300.jpg"):
            os._exit(9)
        return read_object(listed, max_bytes)


def test_a_job_that_ends_half_way_leaves_nothing(pictures: Path, tmp_path: Path) -> None:
    listing = Listing(str(pictures), SETTINGS.classes, None)
    with pytest.raises(OSError, match="No space left"):
        check_data(
            SETTINGS, listing, Examination(SETTINGS.quality, DiskFull(), 1), tmp_path / "out", as_of=AS_OF,
            processes=1,
        )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []


def test_a_process_that_is_killed_ends_the_job_by_name_and_leaves_nothing(
    pictures: Path, tmp_path: Path
) -> None:
    for number in range(400):
        os.link(pictures / "tulip" / "0.jpg", pictures / "tulip" / f"more-{number}.jpg")
    listing = Listing(str(pictures), SETTINGS.classes, None)
    with pytest.raises(JobError, match="killed, as when memory runs out"):
        check_data(
            SETTINGS, listing, Examination(SETTINGS.quality, Killed(), 1), tmp_path / "out", as_of=AS_OF,
            processes=2,
        )  # fmt: skip
    assert list((tmp_path / "out").iterdir()) == []


def test_the_script_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = write_settings(tmp_path / "settings.json", SETTINGS)
    arguments = [f"--settings={settings}", "--source=/nowhere", f"--output-dir={tmp_path / 'out'}"]
    assert run(lambda: main(arguments)) == 1
    assert capsys.readouterr().err == "error: /nowhere: no such folder or manifest; give --source\n"
