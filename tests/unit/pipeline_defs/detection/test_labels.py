import json

import pytest

from pipeline_defs.detection.dataset import Box
from pipeline_defs.detection.labels import BadLabel, check_boxes, missing_records, parse_row

ROW = {
    "image_uri": "s3://b/images/tags/a.jpg",
    "event_time": "2026-11-21T10:00:00Z",
    "image_sha256": "ab",
    "object_group": "",
    "boxes": "[]",
    "width": "450",
    "height": "300",
    "labeling_job": "round-1",
    "approved": "1",
    "is_deleted": "false",
}


def box(label: str = "scratch", **sides: float) -> dict[str, object]:
    return {"label": label, "left": 10, "top": 20, "width": 30, "height": 40, **sides}


def test_a_row_of_texts_becomes_a_label() -> None:
    row = parse_row(ROW)
    assert (row.width, row.height, row.approved, row.deleted) == (450, 300, True, False)
    rejected = parse_row({**ROW, "approved": "0", "is_deleted": "TRUE"})
    assert (rejected.approved, rejected.deleted) == (False, True)


def test_a_label_is_missing_until_it_or_a_newer_one_shows() -> None:
    line = json.dumps({"source-ref": ROW["image_uri"], "event-time": "2026-11-21T10:00:00Z"})
    older = parse_row({**ROW, "event_time": "2026-11-21T09:59:59Z"})
    newer = parse_row({**ROW, "event_time": "2026-11-21T10:00:01Z"})
    assert missing_records([line], []) == [ROW["image_uri"]]
    assert missing_records([line], [older]) == [ROW["image_uri"]]
    assert missing_records([line, ""], [parse_row(ROW)]) == []
    assert missing_records([line], [newer]) == []


def test_boxes_within_the_picture_stay_as_they_are() -> None:
    checked = check_boxes(json.dumps([box()]), width=100, height=100, classes=["scratch"])
    assert checked.boxes == (Box("scratch", 10, 20, 30, 40),)
    assert checked.clipped == 0


def test_a_box_over_the_border_is_cut_and_counted() -> None:
    text = json.dumps([box(), box(left=-5, width=20), box(top=90, height=40)])
    checked = check_boxes(text, width=100, height=100, classes=["scratch"])
    assert checked.boxes[1:] == (Box("scratch", 0, 20, 15, 40), Box("scratch", 10, 90, 30, 10))
    assert checked.clipped == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (json.dumps([box(left=200)]), "outside its picture"),
        (json.dumps([box(width=0)]), "without area"),
        (json.dumps([box(height=-3)]), "without area"),
        (json.dumps([box(label="dent")]), "unknown class 'dent'"),
        (json.dumps([{"label": "scratch"}]), "cannot be read"),
        ('[{"label": "scratch", "left": NaN, "top": 0, "width": 5, "height": 5}]', "not finite"),
        ("{", "cannot be read"),
        ("3", "cannot be read"),
    ],
)
def test_boxes_that_cannot_be_meant_are_refused(text: str, reason: str) -> None:
    with pytest.raises(BadLabel, match=reason):
        check_boxes(text, width=100, height=100, classes=["scratch"])


def test_a_picture_without_boxes_is_a_label_too() -> None:
    assert check_boxes("", width=9, height=9, classes=[]).boxes == ()
