"""A label in its two forms: a record of the feature group, a line of the augmented manifest.

Both are made from an outcome, a row of `Lists.answers`: the image (`uri`, `sha256`, `width`, `height`,
`depth`, `object_group`), `outcome`, `round`, `boxes`, `at`, `labeled_by`, `verified_by`, and, where they are
known, `annotators` ({"labeled", "verified", "mended", "settled"}: names), `seconds`, and, of several people,
`agreement`, `mean_iou` and `unmatched_share` (0 to 1, `consensus.py` says of what).
`pipeline_defs/detection/labels_as_of.py` makes the same line out of the record.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

APPROVED = "approved"

_PARTS = ("labeled", "verified", "mended", "settled")
_SIDES = ("left", "top", "width", "height")
# Not every label has them: one person agrees with nobody, and where no box matched there is no mean.
_MEASURED = ("agreement", "seconds", "mean_iou", "unmatched_share")


def feature_record(
    outcome: Mapping[str, Any], *, model: str, job: str, classes: Sequence[str]
) -> list[dict[str, str]]:
    """The record of the labels feature group, every value a string on the wire.

    `classes` are what people were asked about: a class that came later is not absent, it was not looked for.
    A picture that turned out unusable has a record too, which counts instead of an older label.
    """
    approved = outcome["outcome"] == APPROVED
    values = {
        "image_uri": outcome["uri"],
        "event_time": outcome["at"],
        "model": model,
        "image_sha256": outcome["sha256"],
        "width": str(outcome["width"]),
        "height": str(outcome["height"]),
        "object_group": outcome["object_group"],
        "boxes": _compact(outcome["boxes"] if approved else []),
        "approved": "1" if approved else "0",
        "labeling_job": job,
        "labeled_by": outcome.get("labeled_by", ""),
        "verified_by": outcome.get("verified_by", ""),
        "depth": str(outcome["depth"]),
        "classes": _compact(list(classes)),
        "status": outcome["outcome"],
        "round": str(outcome["round"]),
        "annotators": _compact(annotators(outcome)),
        **{name: str(value) for name, value in _measured(outcome).items()},
    }
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def annotators(outcome: Mapping[str, Any]) -> dict[str, list[str]]:
    """Who had which part in an outcome; who drew and who had the last word, where no more is known."""
    known = outcome.get("annotators") or {
        "labeled": [outcome.get("labeled_by")],
        "verified": [outcome.get("verified_by")],
    }
    named = {part: [name for name in known.get(part, ()) if name] for part in _PARTS}
    return {part: names for part, names in named.items() if names}


def manifest_line(outcome: Mapping[str, Any], *, classes: Sequence[str], job: str) -> dict[str, Any]:
    """The line that Ground Truth would write for this image, and where the label came from."""
    boxes = outcome["boxes"]
    size = {"width": outcome["width"], "height": outcome["height"], "depth": outcome["depth"]}
    return {
        "source-ref": outcome["uri"],
        "labels": {
            "image_size": [size],
            "annotations": [
                {"class_id": classes.index(box["label"]), **{side: box[side] for side in _SIDES}}
                for box in boxes
            ],
        },
        "labels-metadata": {
            "objects": [{"confidence": 1.0} for _ in boxes],
            "class-map": {str(number): name for number, name in enumerate(classes)},
            "type": "groundtruth/object-detection",
            "human-annotated": "yes",
            "creation-date": outcome["at"].removesuffix("Z"),
            "job-name": job,
        },
        "sha256": outcome["sha256"],
        "object-group": outcome["object_group"],
        "event-time": outcome["at"],
        "round": outcome["round"],
        "annotators": annotators(outcome),
        **_measured(outcome),
    }


def _measured(outcome: Mapping[str, Any]) -> dict[str, Any]:
    return {name: outcome[name] for name in _MEASURED if outcome.get(name) is not None}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
