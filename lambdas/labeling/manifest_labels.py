"""The labels on a line of an augmented manifest: boxes, classes or verdicts, failures and problems."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

METADATA = "-metadata"
DETECTION = "object-detection"
VERIFICATION = "label-verification"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What editors and spreadsheets leave in text without anybody seeing it.
INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060"))

_SIDES = ("left", "top", "width", "height")
_MILLISECONDS_FROM = 10**11  # as seconds that would be the year 5138


class BadLine(ValueError):  # noqa: N818 - what readers catch to set a line aside
    """A line that is no line of a manifest; the text says why."""


@dataclass(frozen=True)
class LabeledBox:
    """A box in pixels of the picture as its label counts them; it may reach over the edge."""

    label: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """What one job said of a line: `kind` is its type without "groundtruth/", "" where it names none.

    A label with a `failure` (the job's reason) or a `problem` (why we cannot read it) has no value. `classes`
    are the names of a classification or verification; `comments` what the verifiers wrote.
    """

    attribute: str
    kind: str
    job: str
    made: datetime
    failure: str = ""
    problem: str = ""
    boxes: tuple[LabeledBox, ...] = ()
    size: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    class_map: tuple[str, ...] = ()


def moment(value: Any) -> datetime:
    """Read a date in any form that was seen, as UTC where it names no zone; what is none is the epoch."""
    text = str(value).translate(INVISIBLE).strip()
    for parse in (datetime.fromisoformat, _from_number, parsedate_to_datetime, _from_slashes):
        try:
            found = parse(text)
        except (ValueError, OverflowError, OSError):
            continue
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    return EPOCH


def _from_number(text: str) -> datetime:
    seconds = float(text)
    return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)


def _from_slashes(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("/", "-"))


def labels_of(fields: Mapping[str, Any]) -> Iterator[Label]:
    """Yield the labels of a line, in the order in which they stand on it."""
    for key, metadata in fields.items():
        attribute = key.removesuffix(METADATA)
        if attribute == key or not isinstance(metadata, dict):
            continue
        label = Label(
            attribute=attribute,
            kind=_kind(metadata, fields.get(attribute)),
            job=str(metadata.get("job-name", "")).rpartition("/")[2],
            made=moment(metadata.get("creation-date")),
            failure=" ".join(str(metadata.get("failure-reason") or "").split()),
            class_map=tuple(_class_map(metadata).values()),
        )
        if label.failure:
            yield label
        elif attribute in fields:
            yield _with_value(label, fields[attribute], metadata)


def _kind(metadata: Mapping[str, Any], value: Any) -> str:
    named = str(metadata.get("type") or "").strip().rpartition("/")[2]
    shows_boxes = isinstance(value, dict) and "annotations" in value
    return named or (DETECTION if shows_boxes else "")


def _with_value(label: Label, value: Any, metadata: Mapping[str, Any]) -> Label:
    """The label with its value, or with the problem that it has."""
    try:
        if label.kind == DETECTION:
            boxes, size = _detection(label.attribute, value, _class_map(metadata))
            return replace(label, boxes=boxes, size=size)
        return replace(label, classes=_classes(value, metadata), comments=_comments(metadata))
    except BadLine as error:
        return replace(label, problem=str(error))


def _detection(
    attribute: str, value: Any, names: Mapping[str, str]
) -> tuple[tuple[LabeledBox, ...], tuple[int, int] | None]:
    if not isinstance(value, dict) or not isinstance(value.get("annotations"), list):
        raise BadLine(f'its label "{attribute}" has no list of annotations')
    return tuple(_box(annotation, names) for annotation in value["annotations"]), _size(value)


def _box(annotation: Any, names: Mapping[str, str]) -> LabeledBox:
    if not isinstance(annotation, dict):
        raise BadLine("an annotation is not an object")
    identifier = annotation.get("class_id")
    label = names.get(_identifier(identifier))
    if label is None:
        raise BadLine(f"a box has the class id {identifier}, which its class-map does not name")
    given = [annotation.get(side) for side in _SIDES]
    try:
        sides = [number(value) for value in given]
    except (TypeError, ValueError) as error:
        raise BadLine(f"a box is not four numbers: {given!r}") from error
    if not all(map(math.isfinite, sides)):
        raise BadLine(f"a box is not four finite numbers: {given!r}")
    if sides[2] <= 0 or sides[3] <= 0:
        raise BadLine(f"a box has no extent: {sides[2]:g} x {sides[3]:g} pixels")
    return LabeledBox(label, *sides)


def number(value: Any) -> float:
    """Read a number, or a text that holds one; raises TypeError and ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(value) from error


def _size(value: Mapping[str, Any]) -> tuple[int, int] | None:
    sizes = value.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else sizes
    if not isinstance(first, dict):
        return None
    try:
        width, height = number(first.get("width")), number(first.get("height"))
    except (TypeError, ValueError):
        return None
    return (int(width), int(height)) if 0 < width < 10**6 and 0 < height < 10**6 else None


def _class_map(metadata: Mapping[str, Any]) -> dict[str, str]:
    listed = metadata.get("class-map")
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    if not isinstance(listed, dict):
        return {}
    return {_identifier(key): str(name).strip() for key, name in listed.items() if str(name).strip()}


def _identifier(value: Any) -> str:
    """A class id in one form: 0, "0", " 0" and 0.0 are the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _classes(value: Any, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a classification: from class-name, or by their ids from class-map."""
    name = metadata.get("class-name")
    if isinstance(name, str) and name.strip():
        return (name.strip(),)
    names = _class_map(metadata)
    if not names:
        return ()
    identifiers = [_identifier(item) for item in (value if isinstance(value, list) else [value])]
    if unknown := [identifier for identifier in identifiers if identifier not in names]:
        raise BadLine(f"its label has the class id {unknown[0]}, which its class-map does not name")
    return tuple(names[identifier] for identifier in identifiers)


def _comments(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    feedback = metadata.get("worker-feedback")
    given = (
        [item.get("comment") for item in feedback if isinstance(item, dict)]
        if isinstance(feedback, list)
        else []
    )
    return tuple(" ".join(str(comment).split()) for comment in given if comment)
