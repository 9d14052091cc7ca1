import json
from pathlib import Path

import numpy as np
import pytest
from tiny_sides import COLOURS, SIZE, draw, tiny_parent, write_side

from inference.centre_view import short_side
from pipeline_defs.classification import labeled_pictures
from pipeline_defs.classification.labeled_pictures import LabeledPictures, open_side
from pipeline_defs.classification.recordio import Record, RecordWriter
from pipeline_defs.common.job import JobError


def test_pictures_come_with_their_labels_at_the_size_that_evaluation_scales_to(tmp_path: Path) -> None:
    pictures = LabeledPictures(open_side(write_side(tmp_path / "train", {"red": 2, "blue": 3})), SIZE)
    assert len(pictures) == 5
    assert pictures.classes.tolist() == pictures.labels.tolist() == [0, 0, 2, 2, 2]
    assert pictures.counts() == {"red": 2, "green": 0, "blue": 3}
    assert min(pictures[0].shape[:2]) == short_side(SIZE)
    assert pictures[4][:, :, 2].mean() > pictures[4][:, :, 0].mean() + 80


def test_a_parents_pictures_have_the_numbers_of_classes_and_the_labels_of_groups(tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 3, "green": 2, "blue": 1}, settings=tiny_parent())
    pictures = LabeledPictures(open_side(folder), SIZE)
    assert pictures.label_of_class == (0, 0, 1)
    assert pictures.classes.tolist() == [0, 0, 0, 1, 1, 2]
    assert pictures.labels.tolist() == [0, 0, 0, 0, 0, 1]
    assert pictures.counts() == {"warm": 5, "blue": 1}
    assert np.bincount(pictures.share(0.4).classes).tolist() == [1, 1, 1]


def test_a_picture_smaller_than_the_input_is_enlarged(tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 1})
    with RecordWriter(folder / "train.rec") as writer:
        writer.write(0, Record(1.0, 0, draw(COLOURS["green"], 1, size=(20, 10))))
    picture = LabeledPictures(open_side(folder), SIZE)[0]
    assert picture.shape == (36, 72, 3)


def test_what_does_not_fit_in_the_cache_is_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labeled_pictures, "MAX_CACHED_BYTES", 37 * 48 * 3)
    pictures = LabeledPictures(open_side(write_side(tmp_path / "train", {"red": 2})), SIZE)
    assert pictures[0] is pictures[0]
    assert pictures[1] is not pictures[1]
    assert np.array_equal(pictures[1], pictures[1])


def test_a_share_keeps_every_label_and_its_pictures(tmp_path: Path) -> None:
    whole = LabeledPictures(
        open_side(write_side(tmp_path / "train", {"red": 8, "green": 4, "blue": 1})), SIZE
    )
    half = whole.share(0.5)
    assert half.counts() == {"red": 4, "green": 2, "blue": 1}
    position = whole.ids.tolist().index(half.ids[0])
    assert np.array_equal(half[0], whole[position])
    assert whole.share(1) is whole


def test_a_damaged_picture_is_named_by_its_record(tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 1})
    with RecordWriter(folder / "train.rec") as writer:
        writer.write(17, Record(0.0, 17, b"no picture"))
    with pytest.raises(JobError, match=r"train: record 17: not a JPEG"):
        LabeledPictures(open_side(folder), SIZE)[0]


@pytest.mark.parametrize("label", [3.0, -1.0, 0.5, (1.0, 2.0)])
def test_a_label_outside_the_label_map_is_refused(label: float | tuple[float, ...], tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 1})
    with RecordWriter(folder / "train.rec") as writer:
        writer.write(5, Record(label, 5, draw(COLOURS["red"], 1)))
    with pytest.raises(JobError, match="record 5 has the label"):
        LabeledPictures(open_side(folder), SIZE)


def test_a_folder_without_one_rec_or_with_a_forged_label_map_is_refused(tmp_path: Path) -> None:
    folder = write_side(tmp_path / "train", {"red": 1})
    document = json.loads((folder / "label_map.json").read_text())
    (folder / "label_map.json").write_text(json.dumps(document | {"labels": ["red", "blue", "green"]}))
    with pytest.raises(JobError, match="hash is not that of its labels"):
        open_side(folder)
    (folder / "label_map.json").unlink()
    with pytest.raises(JobError, match=r"label_map\.json: no label map"):
        open_side(folder)
    (folder / "train.rec").unlink()
    with pytest.raises(JobError, match=r"0 \.rec files"):
        open_side(folder)
