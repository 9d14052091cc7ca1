"""Lines in every form that Ground Truth documents or has written; all of them made here."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.labeling.augmented_manifest import Line, read, read_line
from lambdas.labeling.manifest_labels import DETECTION, EPOCH, VERIFICATION, BadLine, LabeledBox, moment

BOX = {"class_id": 0, "left": 11, "top": 12, "width": 13, "height": 14}
METADATA = {
    "objects": [{"confidence": 0.8}], "class-map": {"0": "cat", "5": "ball"}, "human-annotated": "yes",
    "type": "groundtruth/object-detection", "creation-date": "2025-02-03T04:05:06.789012",
    "job-name": "labeling-job/toys",
}  # fmt: skip


def line(annotations: Any = (BOX,), attribute: str = "boxes", **metadata: Any) -> dict[str, Any]:
    size = [{"width": 500, "height": 400, "depth": 3}]
    return {
        "source-ref": "s3://bucket/some/cat.png",
        attribute: {"image_size": size, "annotations": list(annotations)},
        f"{attribute}-metadata": {**METADATA, **metadata},
    }


def read_one(fields: dict[str, Any]) -> Line:
    return read_line(1, json.dumps(fields))


def test_boxes_come_with_their_class_size_job_and_time() -> None:
    (label,) = read_one(line()).labels
    assert label.boxes == (LabeledBox("cat", 11, 12, 13, 14),)
    assert (label.kind, label.job, label.size) == (DETECTION, "toys", (500, 400))
    assert label.made == datetime(2025, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)


@pytest.mark.parametrize("identifier", [0, "0", " 0", 0.0])
@pytest.mark.parametrize("class_map", [{"0": "cat"}, {" 0": "cat "}, ["cat"]])
def test_class_ids_are_numbers_or_text(identifier: Any, class_map: Any) -> None:
    (label,) = read_one(line([{**BOX, "class_id": identifier}], **{"class-map": class_map})).labels
    assert [box.label for box in label.boxes] == ["cat"]


def test_boxes_in_fractions_and_as_text_are_boxes() -> None:
    box = {"class_id": "5", "left": "1.25", "top": 2.5, "width": "30", "height": 0.5}
    assert read_one(line([box])).labels[0].boxes == (LabeledBox("ball", 1.25, 2.5, 30, 0.5),)


def test_a_labelled_line_without_a_box_has_a_label_and_a_plain_line_has_none() -> None:
    assert read_one(line([])).labels[0].boxes == ()
    assert read_one(line([])).newest(DETECTION) is not None
    assert read_one({"source-ref": "s3://bucket/plain.png"}).labels == ()


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ([{**BOX, "class_id": 7}], "a box has the class id 7, which its class-map does not name"),
        ([{**BOX, "left": None}], "a box is not four numbers: [None, 12, 13, 14]"),
        ([{**BOX, "width": 0}], "a box has no extent: 0 x 14 pixels"),
        ([{**BOX, "top": float("nan")}], "a box is not four finite numbers: [11, nan, 13, 14]"),
        (["box"], "an annotation is not an object"),
    ],
)
def test_a_label_that_cannot_be_read_says_why_and_the_other_stays(annotations: Any, problem: str) -> None:
    both = {**line(annotations), **line(attribute="other", type="groundtruth/object-detection")}
    bad, good = read_one(both).labels
    assert (bad.problem, bad.boxes) == (problem, ())
    assert (good.problem, len(good.boxes)) == ("", 1)


def test_a_failure_has_its_reason_and_no_value() -> None:
    reason = "ClientError: cannot\n read"
    failed = line(attribute="boxes", **{"failure-reason": reason})
    without_value = {key: value for key, value in failed.items() if key != "boxes"}
    untyped = {**without_value, "boxes-metadata": {"failure-reason": reason, "creation-date": "x"}}
    for fields in (failed, without_value, untyped):
        (label,) = read_one(fields).labels
        assert (label.failure, label.boxes) == ("ClientError: cannot read", ())
        assert read_one(fields).newest(DETECTION) is None


def test_the_newest_label_counts_and_of_equal_ones_the_last() -> None:
    adjusted = line([], attribute="adjusted", **{"creation-date": "2025-02-04T00:00:00Z"})
    assert read_one({**adjusted, **line()}).newest(DETECTION).attribute == "adjusted"  # type: ignore[union-attr]
    equal = {**line(), **line([], attribute="again")}
    assert read_one(equal).newest(DETECTION).attribute == "again"  # type: ignore[union-attr]


@pytest.mark.parametrize("value", ["1", 1])
def test_a_verification_has_its_verdict_and_comments(value: Any) -> None:
    metadata = {
        "class-name": "bad", "confidence": 0.93, "type": "groundtruth/label-verification",
        "job-name": "check", "creation-date": "2025-02-05T00:00:00",
        "worker-feedback": [{"comment": "too\nwide"}, {"comment": ""}, "odd"],
    }  # fmt: skip
    verdict = read_one({**line(), "check": value, "check-metadata": metadata}).newest(VERIFICATION)
    assert verdict is not None
    assert (verdict.classes, verdict.comments) == (("bad",), ("too wide",))


@pytest.mark.parametrize(
    ("value", "metadata", "kind", "classes"),
    [
        (0, {"class-name": "cat", "type": "groundtruth/any"}, "any", ("cat",)),
        ("5", {"type": "groundtruth/image-classification"}, "image-classification", ("ball",)),
        (
            [5, "0"],
            {"type": "groundtruth/image-classification-multilabel", "confidence-map": {"5": 0.9, "0": 0.2}},
            "image-classification-multilabel",
            ("ball", "cat"),
        ),
        ("s3://b/mask.png", {"type": "groundtruth/semantic-segmentation", "class-map": None},
         "semantic-segmentation", ()),
        ({"any": "thing"}, {"type": "groundtruth/custom", "class-map": None}, "custom", ()),
    ],
)  # fmt: skip
def test_labels_of_other_jobs_are_read_too(
    value: Any, metadata: dict[str, Any], kind: str, classes: tuple[str, ...]
) -> None:
    fields = {"source-ref": "s3://b/a.png", "said-ref": value, "said-ref-metadata": {**METADATA, **metadata}}
    (label,) = read_one(fields).labels
    assert (label.kind, label.classes, label.problem) == (kind, classes, "")


def test_a_label_without_a_type_that_shows_boxes_is_one_of_boxes() -> None:
    assert read_one(line(type=None)).labels[0].kind == DETECTION


def test_streamed_lines_have_the_id_of_their_object() -> None:
    own = {"source-ref": "s3://b/a.png", "dataset-objectid-attribute-name": "byo-key", "byo-key": "id-7"}
    given = {**own, "dataset-objectid-attribute-name": "source-ref"}
    assert (read_one(own).object_id, read_one(given).object_id) == ("id-7", "s3://b/a.png")
    made = {**line(), "dataset-objectid-attribute-name": "$boxes-object-id", "$boxes-object-id": "service-7"}
    assert (read_one(made).object_id, len(read_one(made).labels)) == ("service-7", 1)
    assert read_one({"source": "text"}).reference == ""


@pytest.mark.parametrize("invisible", ["\ufeff", "\u200b", "\u2060", " "])
def test_what_nobody_sees_in_a_reference_is_not_part_of_it(invisible: str) -> None:
    fields = {**line(), "source-ref": f"{invisible}s3://bucket/some/cat.png{invisible}"}
    assert read_one(fields).reference == "s3://bucket/some/cat.png"


AT = datetime(2025, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-03T04:05:06", "2025-02-03T04:05:06Z", "2025-02-03T04:05:06.000000",
        "2025-02-03T04:05:06.000Z", "2025-02-03T04:05:06.000000000Z", "2025-02-03 04:05:06",
        "2025-02-03T04:05:06+0000", "2025-02-03T05:35:06+01:30", "2025-02-02T20:05:06-08:00",
        "20250203T040506Z", "2025/02/03 04:05:06", "Mon, 03 Feb 2025 04:05:06 GMT", 1738555506,
        "1738555506.0", 1738555506000, "\u200b2025-02-03T04:05:06Z ",
    ],
)  # fmt: skip
def test_every_date_is_the_same_moment(text: Any) -> None:
    assert moment(text) == AT


@pytest.mark.parametrize("text", [None, "", "yesterday", "2025-13-40", {}, "9" * 400, "nan"])
def test_what_is_no_date_is_older_than_all(text: Any) -> None:
    assert moment(text) == EPOCH


def test_lines_are_numbered_as_they_stand_whatever_ends_them() -> None:
    text = "\ufeff" + "\r\n".join([json.dumps(line()), "", "{broken", "[]", '{"source-ref": "a\u2028b"}', ""])
    found = list(read(text))
    assert [each.number if isinstance(each, Line) else each[0] for each in found] == [1, 3, 4, 5]
    assert [str(each[1]) for each in found if isinstance(each, tuple)] == [
        "not a line of JSON", "not a JSON object",
    ]  # fmt: skip


def test_one_document_over_several_lines_is_read_as_documents_show_it() -> None:
    shown = json.dumps(line(), indent=2).replace('"labeling-job/toys"', '"a, }",')
    (found,) = read(shown)
    assert isinstance(found, Line)
    assert (found.labels[0].job, len(found.labels[0].boxes)) == ("a, }", 1)
    assert len(list(read(json.dumps([line(), line()], indent=1)))) == 2
    ((number, error),) = read('\n{\n "source-ref": "a",\n "b": {...}\n}')
    assert (number, isinstance(error, BadLine)) == (2, True)
    assert "line 4 column 8" in str(error)
