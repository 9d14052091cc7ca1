"""The augmented manifest of the labels as they were at a time, made from the rows of the label store.

A line is, key for key, the one that the labeling functions wrote when the label was new
(`lambdas/labeling/manifest.py`), so that the same records give the same bytes. Records from before the store
kept depth, classes, round and people have no values in these: their pictures have the three channels that
training decodes, their classes are those of their boxes.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.label_query import normal_time

COLUMNS = (
    "image_uri, event_time, image_sha256, object_group, boxes, width, height, labeling_job, approved, "
    "is_deleted, labeled_by, verified_by, depth, classes, round, annotators, agreement, seconds, "
    "mean_iou, unmatched_share"
)
# Feature Store writes what was put within 15 minutes.
ARRIVAL_MINUTES = 15.0

_DECODED_DEPTH = 3
_WHOLE, _FRACTIONS = ("round", "seconds"), ("agreement", "mean_iou", "unmatched_share")
_SIDES = ("left", "top", "width", "height")

Row = Mapping[str, str]


def check_settled(as_of: str, arrival: timedelta, now: datetime) -> None:
    """Raise JobError while labels of `as_of` may still arrive; a third of `arrival` is for slow files."""
    settled = datetime.fromisoformat(normal_time(as_of)) + timedelta(seconds=1) + arrival * 4 / 3
    if now < settled:
        raise JobError(
            f"--as-of {as_of}: its labels may still arrive in the offline store; ask again after "
            f"{settled:%Y-%m-%dT%H:%M:%SZ}, or for an earlier time"
        )


def manifest(rows: Iterable[Row], classes: Sequence[str] = ()) -> bytes:
    """Return the manifest of the approved rows, sorted by image, one JSON document a line.

    `classes` decides the numbers of the classes; without it, they are numbered as the records name them, the
    oldest first, so that a later class takes no number from an earlier one.
    """
    approved = sorted(
        (row for row in rows if row["approved"] == "1" and row["is_deleted"].lower() != "true"),
        key=lambda row: row["image_uri"],
    )
    names = list(classes) or class_names(approved)
    lines = [json.dumps(_line(row, names), sort_keys=True, separators=(",", ":")) for row in approved]
    return "".join(f"{line}\n" for line in lines).encode()


def class_names(rows: Iterable[Row]) -> list[str]:
    """Return every class that was asked about, in the order of the records' times."""
    names: dict[str, None] = {}
    for row in sorted(rows, key=lambda row: (row["event_time"], row["image_uri"])):
        drawn = sorted({box["label"] for box in _boxes(row)})
        names.update(dict.fromkeys(json.loads(row["classes"]) if row["classes"] else drawn))
    return list(names)


def _line(row: Row, classes: Sequence[str]) -> dict[str, Any]:
    boxes = _boxes(row)
    if unknown := sorted({box["label"] for box in boxes} - set(classes)):
        raise JobError(f"{row['image_uri']}: a box of the class {unknown[0]!r}; name it in --classes too")
    size = {
        "width": int(row["width"]),
        "height": int(row["height"]),
        "depth": int(row["depth"] or _DECODED_DEPTH),
    }
    annotations = [
        {"class_id": classes.index(box["label"]), **{side: box[side] for side in _SIDES}} for box in boxes
    ]
    return {
        "source-ref": row["image_uri"],
        "labels": {"image_size": [size], "annotations": annotations},
        "labels-metadata": {
            "objects": [{"confidence": 1.0} for _ in boxes],
            "class-map": {str(number): name for number, name in enumerate(classes)},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": row["event_time"].removesuffix("Z"),
            "job-name": row["labeling_job"],
        },
        "sha256": row["image_sha256"],
        "object-group": row["object_group"],
        "event-time": row["event_time"],
        "annotators": _annotators(row),
        **_numbers(row),
    }


def _boxes(row: Row) -> list[dict[str, Any]]:
    boxes: list[dict[str, Any]] = json.loads(row["boxes"] or "[]")
    return boxes


def _annotators(row: Row) -> dict[str, list[str]]:
    if row["annotators"]:
        kept: dict[str, list[str]] = json.loads(row["annotators"])
        return kept
    told = {"labeled": row["labeled_by"], "verified": row["verified_by"]}
    return {part: [name] for part, name in told.items() if name}


def _numbers(row: Row) -> dict[str, int | float]:
    whole = {name: int(row[name]) for name in _WHOLE if row[name]}
    return {**whole, **{name: float(row[name]) for name in _FRACTIONS if row[name]}}
