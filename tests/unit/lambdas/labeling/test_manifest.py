from lambdas.labeling.manifest import feature_record, manifest_line

APPROVED = {
    "uri": "s3://images/images/tags/1.jpg",
    "sha256": "ab12",
    "width": 450,
    "height": 300,
    "depth": 3,
    "object_group": "tag-7",
    "boxes": [{"label": "dent", "left": 1.5, "top": 2, "width": 3, "height": 4}],
    "labeled_by": "arn:aws:iam::111122223333:user/ann",
    "verified_by": "arn:aws:iam::111122223333:user/bob",
    "at": "2026-11-21T02:10:36Z",
}


def test_a_record_is_made_of_strings() -> None:
    record = {
        feature["FeatureName"]: feature["ValueAsString"]
        for feature in feature_record(APPROVED, model="tags", job="round-1")
    }
    assert record == {
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
        "labeled_by": "arn:aws:iam::111122223333:user/ann",
        "verified_by": "arn:aws:iam::111122223333:user/bob",
    }


def test_a_manifest_line_is_what_ground_truth_writes_and_where_it_came_from() -> None:
    assert manifest_line(APPROVED, classes=["scratch", "dent"], job="round-1") == {
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
    }


def test_a_picture_without_defect_has_a_line_too() -> None:
    line = manifest_line({**APPROVED, "boxes": []}, classes=["scratch"], job="round-1")
    assert (line["labels"]["annotations"], line["labels-metadata"]["objects"]) == ([], [])
