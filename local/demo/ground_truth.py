"""Ground Truth output manifests as label files; lambdas/labeling/augmented_manifest.py reads their lines."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from lambdas.labeling.augmented_manifest import Line, read_line
from lambdas.labeling.manifest_labels import DETECTION, VERIFICATION, BadLine, Label
from local.demo.batch import BadInput, SetAside
from local.demo.boxes import Box
from local.demo.label_file import BadLabel, Entry, LabelFile

REJECTIONS = ("bad", "reject", "incorrect", "wrong", "not ok", "fail")


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
        try:
            line = read_line(line_number, text)
            picture = _picture(line)
        except (BadLine, BadLabel) as error:
            set_aside.append(SetAside(f"{source}, line {line_number}", str(error)))
            continue
        label = line.newest(DETECTION)
        if label is None:
            other_kinds.update(dict.fromkeys(found.kind for found in line.labels if found.kind))
            entries.append(Entry(picture, problem=_why_unlabeled(line)))
            continue
        labeled = True
        classes.update(dict.fromkeys(label.class_map))
        entries.append(_entry(line, label, picture))
    if not labeled:
        held = f"it holds {', '.join(other_kinds)}" if other_kinds else "no line holds a label"
        raise BadInput(f"{source}: no boxes: {held}; give the output manifest of a bounding box job")
    return LabelFile("Ground Truth", tuple(classes), tuple(entries), tuple(set_aside))


def _picture(line: Line) -> str:
    reference = line.reference
    if not reference:
        raise BadLabel("no source-ref, so no picture")
    if reference.lower().startswith("s3://"):
        return reference[5:].partition("/")[2] or reference[5:]
    # A "#" or "?" belongs to the name of a file; only a URL has a query.
    return urlsplit(reference).path.lstrip("/") if "://" in reference else reference.replace("\\", "/")


def _why_unlabeled(line: Line) -> str:
    failures = [label.failure for label in line.labels if label.failure]
    return f"labeling failed: {failures[0]}" if failures else "its line holds no boxes"


def _entry(line: Line, label: Label, picture: str) -> Entry:
    if problem := label.problem or _rejection(line, label):
        return Entry(picture, problem=problem)
    boxes = tuple(Box(box.label, box.left, box.top, box.width, box.height) for box in label.boxes)
    width, height = label.size or (None, None)
    group = line.fields.get("object-group")
    return Entry(picture, boxes, width, height, group if isinstance(group, str) and group else None)


def _rejection(line: Line, label: Label) -> str:
    """Why not to believe a label: people later judged this very label and found it wrong."""
    verification = line.newest(VERIFICATION)
    if verification is None or verification.made < label.made:
        return ""
    rejected = [name for name in verification.classes if name.lower().startswith(REJECTIONS)]
    return f'its label was verified as "{rejected[0]}"' if rejected else ""
