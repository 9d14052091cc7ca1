"""The user's folder and label file, read into one batch.

Boxes come out in pixels of the upright picture. Where EXIF turns a picture, the width and height in the label
file tell which way its boxes are meant: equal to the upright size, they are taken as they are; equal to the
size as stored, they are turned along. Where both sizes are the same (a turn by 180 degrees, a mirror, a
square) they are taken as upright, which is what labeling pages in a browser show. Any other size is the size
of another picture, and the label is set aside.
"""

import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from local.demo import coco, ground_truth
from local.demo.batch import BadInput, Batch, Picture, SetAside
from local.demo.boxes import Box
from local.demo.folder import PictureFile, Progress, read_folder
from local.demo.label_file import BadLabel, Entry, LabelFile

KEPT_SHARE = (
    0.5  # a box that reaches over the edge is clipped; with less than this inside, it is not believed
)
ROUNDING = 1.5  # pixels over the edge that are not worth a word
NO_LABELS = (
    "{images}: pictures without labels; give LABELS=<file> too, as COCO JSON or as a Ground Truth output "
    "manifest: the demo's annotators answer from it, and the model is measured against it"
)
NOT_LABELS = "{source}: {what}, neither COCO JSON nor a Ground Truth manifest; give one of the two"
_SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a ZIP archive (unpack it first)",
    b"\x1f\x8b": "a gzip file (unpack it first)",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"SQLite": "an SQLite database",
}


def read_labeled_folder(images: Path, labels: Path | None, *, progress: Progress | None = None) -> Batch:
    """Read all pictures below `images` and what `labels` says of them.

    Nothing is dropped silently: what is not used is in the batch's `set_aside` by name, with the reason.
    Raises BadInput, with one line, where nothing can be done: no pictures, no labels, a file of another kind.
    """
    if labels is None:
        raise BadInput(NO_LABELS.format(images=images))
    label_file = read_label_file(labels)
    files, set_aside = read_folder(images, ignore=labels, progress=progress)
    return _Join(label_file, files, labels.name, set_aside).batch(images)


def read_label_file(path: Path) -> LabelFile:
    """Read a label file by its content, whatever its name; raises BadInput where it is something else."""
    text = _text(path)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return ground_truth.parse(_manifest_lines(path.name, text, error), path.name)
    if isinstance(document, dict) and "source-ref" in document:
        return ground_truth.parse([(1, json.dumps(document))], path.name)
    if isinstance(document, dict) and any(part in document for part in coco.PARTS):
        return coco.parse(document, path.name)
    what = "a JSON list" if isinstance(document, list) else "JSON of another kind"
    raise BadInput(NOT_LABELS.format(source=path.name, what=what))


def _text(path: Path) -> str:
    if path.is_dir():
        raise BadInput(f"{path}: a folder; LABELS has to be the label file itself")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput(f"{path}: there is no such label file; check the path given as LABELS") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}; check its permissions") from error
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            raise BadInput(NOT_LABELS.format(source=path.name, what=kind))
    if not content.strip():
        raise BadInput(NOT_LABELS.format(source=path.name, what="an empty file"))
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(NOT_LABELS.format(source=path.name, what="not text in UTF-8")) from error


def _manifest_lines(source: str, text: str, error: Exception) -> list[tuple[int, str]]:
    """Split JSON lines; raises BadInput where not even the first one is an object."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    first = lines[0][1].strip()
    try:
        if isinstance(json.loads(first), dict):
            return lines
    except (ValueError, RecursionError):
        pass
    if first.startswith("<"):
        what = "an XML or HTML file"
    elif first[0] in "{[":
        what = f"broken JSON ({' '.join(str(error).split())})"
    elif "," in first or ";" in first:
        what = "something like a CSV table"
    else:
        what = "a text file"
    raise BadInput(NOT_LABELS.format(source=source, what=what))


class _Join:
    """Ties the entries of a label file to the files of a folder, and writes down all that does not fit."""

    def __init__(
        self, label_file: LabelFile, files: Sequence[PictureFile], source: str, set_aside: Iterable[SetAside]
    ) -> None:
        self._label_file = label_file
        self._files = files
        self._source = source
        self._set_aside = [*set_aside, *label_file.set_aside]
        self._notes: list[str] = []

    def batch(self, images: Path) -> Batch:
        entries = self._entries_by_file()
        pictures = _share_labels([self._picture(file, entries.get(file.name, [])) for file in self._files])
        self._name_unused(pictures)
        used = {box.label for picture in pictures for box in picture.boxes or ()}
        classes = tuple(name for name in self._label_file.classes if name in used)
        if not any(picture.boxes is not None and not picture.problem for picture in pictures):
            raise BadInput(
                f"{self._source}: it labels no usable picture in {images}; "
                f"do its file names ({self._example()}) match those in the folder?"
            )
        if not classes:
            raise BadInput(
                f"{self._source}: not one box on the pictures in {images}; there is nothing to learn"
            )
        unused = [name for name in self._label_file.classes if name not in used]
        if unused:
            self._notes.append(f"no picture shows {', '.join(unused)}: the model does not learn it")
        return Batch(classes, tuple(pictures), tuple(self._set_aside), tuple(self._notes))

    def _example(self) -> str:
        return f'such as "{self._label_file.entries[0].picture}"' if self._label_file.entries else "none"

    def _entries_by_file(self) -> dict[str, list[Entry]]:
        finder = _FileFinder([file.name for file in self._files])
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._label_file.entries:
            names = finder.find(entry.picture)
            if len(names) == 1:
                found[names[0]].append(entry)
            elif names:
                reason = f"{len(names)} pictures of this name are in the folder: {', '.join(names[:3])}"
                self._set_aside.append(SetAside(entry.picture, reason))
            else:
                reason = f"{self._source} labels it, but it is not in the folder"
                self._set_aside.append(SetAside(entry.picture, reason))
        return found

    def _picture(self, file: PictureFile, entries: Sequence[Entry]) -> Picture:
        picture = Picture(
            file.name, file.path, file.sha256, file.width, file.height, problem=file.problem,
            group=next((entry.group for entry in entries if entry.group), None),
        )  # fmt: skip
        if file.problem:
            return picture
        try:
            return replace(picture, boxes=self._boxes(file, _only(entries, self._source)))
        except BadLabel as error:
            self._set_aside.append(SetAside(file.name, str(error)))
            return picture

    def _boxes(self, file: PictureFile, entry: Entry) -> tuple[Box, ...]:
        if entry.problem:
            raise BadLabel(entry.problem)
        return tuple(self._fitted(box, file) for box in upright(entry, file))

    def _fitted(self, box: Box, file: PictureFile) -> Box:
        inside = box.clipped(file.width, file.height)
        if inside.area < KEPT_SHARE * box.area:
            raise BadLabel(
                f"a box lies outside the picture: left {box.left:g}, top {box.top:g}, {box.width:g} x "
                f"{box.height:g} in {file.width} x {file.height} pixels"
            )
        over = max(box.width - inside.width, box.height - inside.height)
        if over > ROUNDING:
            self._notes.append(f"{file.name}: a box reaches {over:g} pixels over the edge and is clipped")
        return inside

    def _name_unused(self, pictures: Iterable[Picture]) -> None:
        for picture in pictures:
            if picture.problem:
                self._set_aside.append(SetAside(picture.name, picture.problem))
            elif picture.same_as:
                self._set_aside.append(SetAside(picture.name, f"same bytes as {picture.same_as}"))


def _only(entries: Sequence[Entry], source: str) -> Entry:
    if not entries:
        raise BadLabel(f"{source} does not mention it, so it has no label")
    if len({(entry.boxes, entry.problem) for entry in entries}) > 1:
        raise BadLabel(f"{source} labels it {len(entries)} times, and not alike")
    return entries[0]


def upright(entry: Entry, file: PictureFile) -> tuple[Box, ...]:
    """Return the entry's boxes in the upright picture; raises BadLabel for a label of another size."""
    if entry.width is None or entry.height is None:
        return entry.boxes
    size = (entry.width, entry.height)
    if size == (file.width, file.height):
        return entry.boxes
    if size == (file.raw_width, file.raw_height):
        return tuple(turned(box, file.orientation, *size) for box in entry.boxes)
    raise BadLabel(
        f"its label is for {entry.width} x {entry.height} pixels, "
        f"the picture has {file.width} x {file.height}"
    )


def turned(box: Box, orientation: int, width: int, height: int) -> Box:
    """Turn a box of a stored picture of this size upright, for the EXIF orientations that swap the sides."""
    from_right, from_bottom = width - box.right, height - box.bottom
    left, top = {
        5: (box.top, box.left),
        6: (from_bottom, box.left),
        7: (from_bottom, from_right),
        8: (box.top, from_right),
    }[orientation]
    return Box(box.label, left, top, box.height, box.width)


def _share_labels(pictures: Sequence[Picture]) -> list[Picture]:
    """Mark each file that has the bytes of an earlier one; all of them get the first label that is known.

    The line keeps one of them, and it is the line that chooses.
    """
    first: dict[str, Picture] = {}
    label: dict[str, Picture] = {}
    for picture in pictures:
        first.setdefault(picture.sha256, picture)
        if picture.boxes is not None:
            label.setdefault(picture.sha256, picture)
    shared = []
    for picture in pictures:
        if not picture.sha256 or picture.problem:
            shared.append(picture)
            continue
        source, kept = label.get(picture.sha256, picture), first[picture.sha256]
        same_as = kept.name if kept.name != picture.name else None
        shared.append(
            replace(picture, boxes=source.boxes, group=picture.group or source.group, same_as=same_as)
        )
    return shared


class _FileFinder:
    """Finds the file that a label means: paths in label files start higher or lower than the folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact: dict[str, list[str]] = defaultdict(list)
        self._folded: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._exact[_composed(name)].append(name)
            self._folded[_composed(name).casefold()].append(name)
        self._exact_ends = _by_ending(self._exact)
        self._folded_ends = _by_ending(self._folded)

    def find(self, wanted: str) -> list[str]:
        """Return the names that `wanted` can mean: one is sure, several are as good as none."""
        path = _composed(PurePosixPath(wanted.lstrip("/")).as_posix())
        for whole, ends, sought in (
            (self._exact, self._exact_ends, path),
            (self._folded, self._folded_ends, path.casefold()),
        ):
            if sought in whole:
                return whole[sought]
            shorter = next((whole[end] for end in _endings(sought) if end in whole), None)
            if shorter:
                return shorter
            if sought in ends:
                return ends[sought]
        return []


def _by_ending(names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path, originals in names.items():
        for end in _endings(path):
            found[end].extend(originals)
    return found


def _endings(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _composed(name: str) -> str:
    """macOS writes an accent as a letter of its own; label files seldom do."""
    return unicodedata.normalize("NFC", name)
