"""An approved label in its two forms: a record of the feature group, a line of the augmented manifest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def feature_record(approved: Mapping[str, Any], *, model: str, job: str) -> list[dict[str, str]]:
    """The record of the labels feature group, every value a string on the wire."""
    values = {
        "image_uri": approved["uri"],
        "event_time": approved["at"],
        "model": model,
        "image_sha256": approved["sha256"],
        "width": str(approved["width"]),
        "height": str(approved["height"]),
        "object_group": approved["object_group"],
        "boxes": json.dumps(approved["boxes"], separators=(",", ":")),
        "approved": "1",
        "labeling_job": job,
        "labeled_by": approved["labeled_by"],
        "verified_by": approved["verified_by"],
    }
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def manifest_line(approved: Mapping[str, Any], *, classes: Sequence[str], job: str) -> dict[str, Any]:
    """The line that Ground Truth would write for this image, and sha256, object-group and event-time."""
    boxes = approved["boxes"]
    size = {"width": approved["width"], "height": approved["height"], "depth": approved["depth"]}
    return {
        "source-ref": approved["uri"],
        "labels": {
            "image_size": [size],
            "annotations": [
                {
                    "class_id": classes.index(box["label"]),
                    **{side: box[side] for side in ("left", "top", "width", "height")},
                }
                for box in boxes
            ],
        },
        "labels-metadata": {
            "objects": [{"confidence": 1.0} for _ in boxes],
            "class-map": {str(number): name for number, name in enumerate(classes)},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": approved["at"].removesuffix("Z"),
            "job-name": job,
        },
        "sha256": approved["sha256"],
        "object-group": approved["object_group"],
        "event-time": approved["at"],
    }
