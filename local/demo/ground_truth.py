"""Ground Truth output manifests: JSON lines, with labels in as many variants as its jobs ever wrote."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from local.demo.batch import BadInput, SetAside
from local.demo.boxes import Box
from local.demo.label_file import BadLabel, Entry, LabelFile, read_box, whole_number

METADATA = "-metadata"
DETECTION = "object-detection"
VERIFICATION = "label-verification"
REJECTIONS = ("bad", "reject", "incorrect", "wrong", "not ok", "fail")
SIDES = ("left", "top", "width", "height")


def parse(lines: Iterable[tuple[int, str]], source: str) -> LabelFile:
    """Read the (number, text) lines of an augmented manifest; `source` is its name for messages.

    Of several label attributes on a line (a job and its adjustment, say) the latest counts. A labelled line
    without boxes is a picture without objects; a line without a label stays unlabelled, with the reason.
    Raises BadInput where no line holds boxes.
    """
    entries: list[Entry] = []
    set_aside: list[SetAside] = []
    classes: dict[str, None] = {}
    other_kinds: dict[str, None] = {}
    labeled = False
    for line_number, text in lines:
        where = f"{source}, line {line_number}"
        try:
            line = _line(text)
            picture = _picture(line)
        except BadLabel as error:
            set_aside.append(SetAside(where, str(error)))
            continue
        attribute = _newest(line, DETECTION)
        if attribute is None:
            other_kinds.update(dict.fromkeys(_kinds(line)))
            entries.append(Entry(picture, problem=_why_unlabeled(line)))
            continue
        labeled = True
        names = _class_map(line[attribute + METADATA])
        classes.update(dict.fromkeys(names.values()))
        entries.append(_entry(line, attribute, picture, names))
    if not labeled:
        held = f"it holds {', '.join(other_kinds)}" if other_kinds else "no line holds a label"
        raise BadInput(f"{source}: no boxes: {held}; give the output manifest of a bounding box job")
    return LabelFile("Ground Truth", tuple(classes), tuple(entries), tuple(set_aside))


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadLabel("not a line of JSON") from error
    if not isinstance(line, dict):
        raise BadLabel("not a JSON object")
    return line


def _picture(line: Mapping[str, Any]) -> str:
    reference = line.get("source-ref")
    if not isinstance(reference, str) or not reference.strip():
        raise BadLabel("no source-ref, so no picture")
    reference = reference.strip()
    if reference.lower().startswith("s3://"):
        return reference[5:].partition("/")[2] or reference[5:]
    # A "#" or "?" belongs to the name of a file; only a URL has a query.
    return urlsplit(reference).path.lstrip("/") if "://" in reference else reference.replace("\\", "/")


def _kinds(line: Mapping[str, Any]) -> list[str]:
    described = (value for key, value in line.items() if key.endswith(METADATA) and isinstance(value, dict))
    return [str(value["type"]).rpartition("/")[2] for value in described if value.get("type")]


def _newest(line: Mapping[str, Any], kind: str) -> str | None:
    """Return the label attribute of this kind with the latest creation date; of equals, the last."""
    found = []
    for position, (key, metadata) in enumerate(line.items()):
        attribute = key.removesuffix(METADATA)
        if attribute == key or not isinstance(metadata, dict) or attribute not in line:
            continue
        if str(metadata.get("type", "")).rpartition("/")[2] == kind and "failure-reason" not in metadata:
            found.append((_moment(metadata.get("creation-date")), position, attribute))
    return max(found)[2] if found else None


def _moment(text: Any) -> datetime:
    """Read a creation date: with and without fractions, with "Z", an offset or nothing; else the epoch."""
    try:
        moment = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why_unlabeled(line: Mapping[str, Any]) -> str:
    for key, value in line.items():
        if key.endswith(METADATA) and isinstance(value, dict) and value.get("failure-reason"):
            return f"labeling failed: {' '.join(str(value['failure-reason']).split())}"
    return "its line holds no boxes"


def _class_map(metadata: Mapping[str, Any]) -> dict[str, str]:
    listed = metadata.get("class-map")
    if not isinstance(listed, dict):
        return {}
    return {str(key).strip(): str(name).strip() for key, name in listed.items() if str(name).strip()}


def _entry(line: Mapping[str, Any], attribute: str, picture: str, names: Mapping[str, str]) -> Entry:
    label = line[attribute]
    try:
        if not isinstance(label, dict) or not isinstance(label.get("annotations"), list):
            raise BadLabel(f'its label "{attribute}" has no list of annotations')
        _check_verification(line, attribute)
        boxes = tuple(_box(annotation, names) for annotation in label["annotations"])
    except BadLabel as error:
        return Entry(picture, problem=str(error))
    width, height = _size(label)
    group = line.get("object-group")
    return Entry(picture, boxes, width, height, group if isinstance(group, str) and group else None)


def _check_verification(line: Mapping[str, Any], attribute: str) -> None:
    """Raise BadLabel where people later judged this very label and found it wrong."""
    verification = _newest(line, VERIFICATION)
    if verification is None:
        return
    verdict = line[verification + METADATA]
    judged_later = _moment(verdict.get("creation-date")) >= _moment(
        line[attribute + METADATA].get("creation-date")
    )
    name = str(verdict.get("class-name", "")).strip()
    if judged_later and name.lower().startswith(REJECTIONS):
        raise BadLabel(f'its label was verified as "{name}"')


def _box(annotation: Any, names: Mapping[str, str]) -> Box:
    if not isinstance(annotation, dict):
        raise BadLabel("an annotation is not an object")
    identifier = annotation.get("class_id")
    label = names.get(str(identifier).strip())
    if label is None:
        raise BadLabel(f"a box has the class id {identifier}, which its class-map does not name")
    return read_box(label, *(annotation.get(side) for side in SIDES))


def _size(label: Mapping[str, Any]) -> tuple[int | None, int | None]:
    sizes = label.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else sizes
    if not isinstance(first, dict):
        return None, None
    return whole_number(first.get("width")), whole_number(first.get("height"))
