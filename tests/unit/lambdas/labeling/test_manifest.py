from typing import Any

from lambdas.labeling.manifest import feature_record, manifest_line

APPROVED = {
    "uri": "s3://images/images/tags/1.jpg",
    "sha256": "ab12",
    "width": 450,
    "height": 300,
    "depth": 3,
    "object_group": "tag-7",
    "outcome": "approved",
    "round": 2,
    "boxes": [{"label": "dent", "left": 1.5, "top": 2, "width": 3, "height": 4}],
    "labeled_by": "ann",
    "verified_by": "bob",
    "at": "2026-11-21T02:10:36Z",
}
CLASSES = ["scratch", "dent"]


def record(outcome: dict[str, Any]) -> dict[str, str]:
    features = feature_record(outcome, model="tags", job="round-1", classes=CLASSES)
    return {feature["FeatureName"]: feature["ValueAsString"] for feature in features}


def test_a_record_is_made_of_strings() -> None:
    assert record(APPROVED) == {
        "image_uri": "s3://images/images/tags/1.jpg",
        "event_time": "2026-11-21T02:10:36Z",
        "model": "tags",
        "image_sha256": "ab12",
        "width": "450",
        "height": "300",
        "object_group": "tag-7",
        "boxes": '[{"label":"dent","left":1.5,"top":2,"width":3,"height":4}]',
        "approved": "1",
        "labeling_job": "round-1",
        "labeled_by": "ann",
        "verified_by": "bob",
        "depth": "3",
        "classes": '["scratch","dent"]',
        "status": "approved",
        "round": "2",
        "annotators": '{"labeled":["ann"],"verified":["bob"]}',
    }


def test_a_record_names_everybody_how_much_they_agreed_and_how_long_it_took() -> None:
    people = {"labeled": ["ann", "cy"], "mended": ["bob"], "settled": []}
    agreed = {"agreement": 0.83, "mean_iou": 0.8788, "unmatched_share": 0.0}
    told = record({**APPROVED, "annotators": people, "seconds": 0, **agreed})
    assert told["annotators"] == '{"labeled":["ann","cy"],"mended":["bob"]}'
    assert (told["agreement"], told["seconds"]) == ("0.83", "0")
    assert (told["mean_iou"], told["unmatched_share"]) == ("0.8788", "0.0")


def test_where_no_box_matched_there_is_no_mean_to_store() -> None:
    agreed = {"agreement": 0, "mean_iou": None, "unmatched_share": 1}
    told = record({**APPROVED, **agreed})
    assert (told["agreement"], told["unmatched_share"], "mean_iou" in told) == ("0", "1", False)


def test_an_unusable_picture_has_a_record_that_takes_its_label_back() -> None:
    taken = record({**APPROVED, "outcome": "unusable", "verified_by": ""})
    assert (taken["status"], taken["approved"], taken["boxes"]) == ("unusable", "0", "[]")
    assert taken["annotators"] == '{"labeled":["ann"]}'


def test_a_manifest_line_is_what_ground_truth_writes_and_where_it_came_from() -> None:
    told = {"agreement": 0.83, "mean_iou": 0.9, "unmatched_share": 0.25, "seconds": 41}
    line = manifest_line({**APPROVED, **told}, classes=CLASSES, job="round-1")
    assert line == {
        "source-ref": "s3://images/images/tags/1.jpg",
        "labels": {
            "image_size": [{"width": 450, "height": 300, "depth": 3}],
            "annotations": [{"class_id": 1, "left": 1.5, "top": 2, "width": 3, "height": 4}],
        },
        "labels-metadata": {
            "objects": [{"confidence": 1.0}],
            "class-map": {"0": "scratch", "1": "dent"},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": "2026-11-21T02:10:36",
            "job-name": "round-1",
        },
        "sha256": "ab12",
        "object-group": "tag-7",
        "event-time": "2026-11-21T02:10:36Z",
        "round": 2,
        "annotators": {"labeled": ["ann"], "verified": ["bob"]},
        **told,
    }


def test_a_picture_without_defect_has_a_line_too() -> None:
    line = manifest_line({**APPROVED, "boxes": []}, classes=["scratch"], job="round-1")
    assert (line["labels"]["annotations"], line["labels-metadata"]["objects"]) == ([], [])
