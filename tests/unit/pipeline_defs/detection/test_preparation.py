import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.dataset import read_split
from pipeline_defs.detection.labels import LabelRow
from pipeline_defs.detection.preparation import (
    Dataset,
    Request,
    SetAside,
    Unavailable,
    Usable,
    canonical_sha256,
    fetch_pictures,
    make_dataset,
    manifest_document,
    report_document,
    write_dataset,
)
from pipeline_defs.detection.scripts.prepare import labels_until
from pipeline_defs.detection.split import Assignment, SplitResult

REQUEST = Request("tags", ("scratch",), "2026-11-21T12:00:00Z", "edgeline-labels", "SELECT", "", 7)


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 36, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class Store:
    """Pictures under their URIs, and the rows that label them."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.rows: list[LabelRow] = []

    def add(self, name: str, content: bytes, *, group: str = "", **changes: str | int) -> None:
        uri = f"s3://images/images/tags/{name}"
        self.contents[uri] = content
        boxes = [{"label": "scratch", "left": 2, "top": 3, "width": 10, "height": 5}]
        row = {
            "uri": uri,
            "event_time": "2026-11-21T10:00:00Z",
            "sha256": hashlib.sha256(content).hexdigest(),
            "group": group,
            "boxes": json.dumps(boxes),
            "width": 36,
            "height": 24,
            "labeling_job": "round-1",
            **changes,
        }
        self.rows.append(LabelRow(approved=True, deleted=False, **row))  # type: ignore[arg-type]

    def fetch(self, uri: str) -> bytes:
        if uri not in self.contents:
            raise Unavailable("cannot be downloaded: NoSuchKey")
        return self.contents[uri]


def fetched(store: Store, folder: Path, *, with_details: bool = False) -> tuple[list[Usable], list[SetAside]]:
    return fetch_pictures(store.rows, store.fetch, folder, classes=REQUEST.classes, with_details=with_details)


def frozen(before: Assignment) -> Callable[[Callable[[Assignment], SplitResult]], SplitResult]:
    return lambda assign: assign(before)


def dataset_of(store: Store, folder: Path, before: Assignment | None = None) -> Dataset:
    usable, set_aside = fetched(store, folder / "downloaded")
    return make_dataset(REQUEST, usable, set_aside, frozen(before or Assignment()))


@pytest.fixture
def store() -> Store:
    """Twelve pictures of six objects."""
    filled = Store()
    for number in range(12):
        filled.add(f"{number:02}.png", picture(number), group=f"plate-{number // 2}")
    return filled


def test_each_unusable_picture_is_set_aside_with_its_reason(store: Store, tmp_path: Path) -> None:
    store.add("again.png", picture(3), group="x")
    store.add("text.jpg", b"no picture", group="x")
    store.add("empty.jpg", b"", group="x")
    store.add("changed.png", picture(50), sha256="0" * 64, group="x")
    store.add("gone.png", picture(51), group="x")
    del store.contents["s3://images/images/tags/gone.png"]
    store.add("turned.png", picture(52), width=24, height=36, group="x")
    store.add(
        "dent.png", picture(53), boxes='[{"label":"dent","left":1,"top":1,"width":5,"height":5}]', group="x"
    )
    store.add("beside.png", picture(54), boxes='[{"label":"scratch","left":90,"top":1,"width":5,"height":5}]')
    usable, set_aside = fetched(store, tmp_path)
    assert len(usable) == 12
    reasons = {entry.uri.rsplit("/", 1)[-1]: entry.reason for entry in set_aside}
    assert reasons["again.png"] == "the same bytes as s3://images/images/tags/03.png"
    assert "not a JPEG" in reasons["text.jpg"]
    assert reasons["empty.jpg"] == "the file is empty"
    assert "not those that were labelled" in reasons["changed.png"]
    assert reasons["gone.png"] == "cannot be downloaded: NoSuchKey"
    assert reasons["turned.png"] == "labelled as 24x36, but it is 36x24 when upright"
    assert reasons["dent.png"] == "unknown class 'dent'"
    assert "outside its picture" in reasons["beside.png"]


def test_the_splits_are_written_as_training_reads_them(store: Store, tmp_path: Path) -> None:
    sha256 = write_dataset(dataset_of(store, tmp_path), tmp_path / "out")
    seen: dict[str, str] = {}
    for name in ("train", "validation", "test"):
        split = read_split(tmp_path / "out" / name)
        assert split.dataset_sha256 == sha256
        for labeled in split.pictures:
            assert split.load(labeled).shape == (24, 36, 3)
            assert seen.setdefault(labeled.group, name) == name
    assert set(seen) == {f"plate-{number}" for number in range(6)}


def test_the_manifest_names_every_picture_and_its_own_hash(store: Store, tmp_path: Path) -> None:
    dataset = dataset_of(store, tmp_path)
    manifest = manifest_document(dataset)
    sha256 = manifest.pop("sha256")
    assert canonical_sha256(manifest) == sha256
    assert manifest["grouping"] == "given"
    images = manifest["images"]
    assert isinstance(images, list)
    assert {entry["sha256"] for entry in images} == {row.sha256 for row in store.rows}
    assert images[0]["boxes"] == [{"label": "scratch", "left": 2, "top": 3, "width": 10, "height": 5}]
    assert manifest_document(dataset)["sha256"] == sha256


def test_the_report_counts_pictures_and_groups_and_cut_boxes(store: Store, tmp_path: Path) -> None:
    store.add(
        "cut.png",
        picture(60),
        group="plate-0",
        boxes='[{"label":"scratch","left":30,"top":1,"width":20,"height":5}]',
    )
    report = report_document(dataset_of(store, tmp_path), "ab")
    groups = report["groups"]
    assert isinstance(groups, dict)
    assert sum(report[name] for name in ("train", "validation", "test")) == 13  # type: ignore[misc]
    assert sum(groups.values()) == 6
    assert report["clipped"] == [
        {
            "uri": "s3://images/images/tags/cut.png",
            "reason": "1 boxes reached over the picture's border and were cut",
        }
    ]


def test_a_picture_that_ties_two_frozen_sides_is_named_and_left_out(store: Store, tmp_path: Path) -> None:
    first = dataset_of(store, tmp_path)
    sides = first.split.by_sha256
    one = next(row for row in store.rows if sides[row.sha256] == "train")
    other = next(row for row in store.rows if sides[row.sha256] == "test")
    for row in (one, other):
        store.rows[store.rows.index(row)] = LabelRow(**{**vars(row), "group": "in truth one"})
    store.add("new.png", picture(70), group="in truth one")
    second = dataset_of(store, tmp_path / "second", first.split.assignment)
    assert [entry.uri for entry in second.set_aside] == ["s3://images/images/tags/new.png"]
    assert "two sides" in second.set_aside[0].reason
    write_dataset(second, tmp_path / "out")
    written = {
        p.uri
        for name in ("train", "validation", "test")
        for p in read_split(tmp_path / "out" / name).pictures
    }
    assert len(written) == 12
    assert second.split.by_sha256 == sides


def test_pixels_decide_where_no_group_is_given(store: Store, tmp_path: Path) -> None:
    store.rows = [LabelRow(**{**vars(row), "group": ""}) for row in store.rows]
    usable, set_aside = fetched(store, tmp_path, with_details=True)
    dataset = make_dataset(REQUEST, usable, set_aside, frozen(Assignment()))
    assert dataset.grouping.way == "visual similarity"
    assert len(set(dataset.grouping.keys)) == 12


def test_no_usable_picture_is_a_clear_end(tmp_path: Path) -> None:
    store = Store()
    store.add("text.jpg", b"no picture")
    with pytest.raises(JobError, match="no usable picture"):
        dataset_of(store, tmp_path)


def test_a_label_newer_than_the_data_set_is_not_waited_for() -> None:
    line = '{"source-ref": "s3://b/1", "event-time": "2026-11-21T13:00:00Z"}'
    with pytest.raises(JobError, match="after --as-of 2026-11-21T12:00:00Z"):
        labels_until([line], "2026-11-21T12:00:00Z")
