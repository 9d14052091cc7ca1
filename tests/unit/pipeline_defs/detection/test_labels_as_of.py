import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.labeling.manifest import feature_record, manifest_line
from pipeline_defs.common.job import JobError
from pipeline_defs.detection.labels_as_of import COLUMNS, check_settled, class_names, manifest

CLASSES = ["scratch", "dent"]
OUTCOME: dict[str, Any] = {
    "uri": "s3://images/images/tags/1.jpg", "sha256": "ab12", "width": 450, "height": 300, "depth": 1,
    "object_group": "tag-7", "outcome": "approved", "round": 2, "labeled_by": "ann", "verified_by": "bob",
    "boxes": [{"label": "dent", "left": 1.25, "top": 2, "width": 3, "height": 4.1}],
    "at": "2026-11-01T02:10:36Z", "agreement": 0.83, "seconds": 41,
    "annotators": {"labeled": ["ann", "cy"], "mended": ["bob"]}, "mean_iou": 0.8788, "unmatched_share": 0.25,
}  # fmt: skip
NEWEST = ("mean_iou", "unmatched_share")
NEW = ("depth", "classes", "status", "round", "annotators", "agreement", "seconds", *NEWEST)


def row(changes: dict[str, Any] | None = None, **features: str) -> dict[str, str]:
    """A row of the label store as the query gives it."""
    record = feature_record({**OUTCOME, **(changes or {})}, model="tags", job="round-1", classes=CLASSES)
    values = {item["FeatureName"]: item["ValueAsString"] for item in record}
    return {**dict.fromkeys(COLUMNS.split(", "), ""), "is_deleted": "false", **values, **features}


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"boxes": []},
        {"agreement": 1.0, "unmatched_share": 0.0, "mean_iou": None},
        {"agreement": None, "mean_iou": None, "unmatched_share": None, "seconds": None, "annotators": None},
    ],
    ids=str,
)
def test_a_line_is_the_one_that_was_written_when_the_label_was_new(changes: dict[str, Any]) -> None:
    written = manifest_line({**OUTCOME, **changes}, classes=CLASSES, job="round-1")
    assert lines(manifest([row(changes)])) == [written]


def test_equal_rows_in_any_order_are_equal_bytes() -> None:
    rows = [row({"uri": f"s3://images/{number}.jpg"}) for number in range(10)]
    assert manifest(rows) == manifest(list(reversed(rows)))
    assert [line["source-ref"] for line in lines(manifest(rows))] == [r["image_uri"] for r in rows]


def test_only_approved_and_undeleted_labels_are_in_it() -> None:
    unusable = row({"uri": "s3://images/2.jpg", "outcome": "unusable"})
    deleted = row({"uri": "s3://images/3.jpg"}, is_deleted="true")
    marker = {
        **dict.fromkeys(COLUMNS.split(", "), ""),
        "image_uri": "s3://images/4.jpg",
        "is_deleted": "true",
    }
    assert [line["source-ref"] for line in lines(manifest([row(), unusable, deleted, marker]))] == [
        OUTCOME["uri"]
    ]
    assert manifest([unusable]) == b""


def test_a_record_from_before_the_new_features_has_a_line() -> None:
    old = row(**dict.fromkeys(NEW, ""))
    (line,) = lines(manifest([old]))
    assert line["labels"]["image_size"] == [{"width": 450, "height": 300, "depth": 3}]
    assert line["labels-metadata"]["class-map"] == {"0": "dent"}
    assert line["annotators"] == {"labeled": ["ann"], "verified": ["bob"]}
    assert not {"round", "agreement", "seconds", *NEWEST} & line.keys()


def test_a_record_from_before_mean_and_share_were_kept_has_the_line_it_had() -> None:
    old = row(**dict.fromkeys(NEWEST, ""))
    (line,) = lines(manifest([old]))
    assert (line["agreement"], line["seconds"], line.keys() & set(NEWEST)) == (0.83, 41, set())


def test_a_later_class_takes_no_number_from_an_earlier_one() -> None:
    later = {"uri": "s3://a-first-by-name.jpg", "at": "2026-11-05T00:00:00Z"}
    assert class_names([row(later, classes='["bent","scratch"]'), row()]) == ["scratch", "dent", "bent"]


def test_classes_that_are_given_decide_and_have_to_be_all() -> None:
    (line,) = lines(manifest([row()], ["dent", "scratch"]))
    assert line["labels-metadata"]["class-map"] == {"0": "dent", "1": "scratch"}
    with pytest.raises(JobError, match=r"1\.jpg: a box of the class 'dent'; name it in --classes too"):
        manifest([row()], ["scratch"])


def test_a_time_is_asked_for_when_nothing_can_arrive_for_it_any_more() -> None:
    arrival = timedelta(minutes=15)
    check_settled("2026-11-01", arrival, datetime(2026, 11, 2, 0, 20, tzinfo=UTC))
    with pytest.raises(JobError, match="ask again after 2026-11-02T00:20:00Z, or for an earlier time"):
        check_settled("2026-11-01", arrival, datetime(2026, 11, 2, 0, 19, 59, tzinfo=UTC))
