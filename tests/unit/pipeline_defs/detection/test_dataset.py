import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.dataset import LABELS_FILE, Split, read_split

MakeSplit = Callable[[Path, range], Split]


def test_what_is_written_is_read_again(tmp_path: Path, make_split: MakeSplit) -> None:
    written = make_split(tmp_path / "train", range(3))
    split = read_split(tmp_path / "train")
    assert split == written
    assert split.load(split.pictures[0]).shape == (64, 96, 3)
    box = split.pictures[1].boxes[0]
    assert split.targets(split.pictures[1]).tolist() == [
        [1, box.left, box.top, box.left + box.width, box.top + box.height]
    ]


def test_a_changed_picture_is_refused(tmp_path: Path, make_split: MakeSplit) -> None:
    split = make_split(tmp_path / "train", range(1))
    (split.directory / split.pictures[0].file).write_bytes(b"something else")
    with pytest.raises(JobError, match="not those that were labelled"):
        split.load(split.pictures[0])


def test_a_missing_picture_is_named(tmp_path: Path, make_split: MakeSplit) -> None:
    split = make_split(tmp_path / "train", range(1))
    (split.directory / split.pictures[0].file).unlink()
    with pytest.raises(JobError, match=split.pictures[0].file):
        split.load(split.pictures[0])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{", "not the labels"),
        ('{"classes": ["a"]}', "not the labels"),
        ('{"classes": ["a"], "images": []}', "no picture in this split"),
    ],
)
def test_unusable_labels_are_refused(tmp_path: Path, labels: str, message: str) -> None:
    (tmp_path / LABELS_FILE).write_text(labels)
    with pytest.raises(JobError, match=message):
        read_split(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="was the data set prepared"):
        read_split(tmp_path)


def test_a_label_that_is_no_class_is_refused(tmp_path: Path, make_split: MakeSplit) -> None:
    make_split(tmp_path / "train", range(2))
    path = tmp_path / "train" / LABELS_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "classes": ["wide"]}))
    with pytest.raises(JobError, match=r"\['tall'\] are not among the classes"):
        read_split(tmp_path / "train")
