"""From labels and pictures to a data set: what is usable, in groups, on frozen sides. No AWS in here."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from inference.pictures import BadPicture, decode
from pipeline_defs.common.documents import canonical_sha256, write_json
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Unavailable
from pipeline_defs.common.progress import Progress
from pipeline_defs.detection.dataset import IMAGES_FOLDER, Box, LabeledPicture, Split, write_labels
from pipeline_defs.detection.grouping import Grouping, Subject, group_pictures, stack_details
from pipeline_defs.detection.labels import BadLabel, LabelRow, check_boxes
from pipeline_defs.detection.similarity import Details, detail
from pipeline_defs.detection.split import SPLITS, Assignment, Member, SplitResult, assign_splits

DOWNLOAD_THREADS = 16
_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


@dataclass(frozen=True)
class SetAside:
    """A picture that the data set does without, and why."""

    uri: str
    sha256: str
    reason: str


@dataclass(frozen=True)
class Usable:
    """A picture that was downloaded, verified and decoded; its bytes lie in `path`."""

    row: LabelRow
    path: Path
    width: int
    height: int
    boxes: tuple[Box, ...]
    clipped: int
    detail: Details | None


@dataclass(frozen=True)
class Request:
    """What a data set is made of and for."""

    model: str
    classes: tuple[str, ...]
    as_of: str
    feature_group: str
    query: str
    group_rule: str
    seed: int


@dataclass(frozen=True)
class Dataset:
    """Everything that is written: the usable pictures, each with its group and side, and the rest."""

    request: Request
    pictures: tuple[Usable, ...]
    grouping: Grouping
    split: SplitResult
    set_aside: tuple[SetAside, ...]


def fetch_pictures(
    rows: Sequence[LabelRow],
    fetch: Callable[[str], bytes],
    folder: Path,
    *,
    classes: tuple[str, ...],
    with_details: bool,
) -> tuple[list[Usable], list[SetAside]]:
    """Download, verify and decode the rows' pictures, several at a time; keep the order of the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(rows))

    def one(row: LabelRow) -> Usable | SetAside:
        try:
            return _fetch_one(row, fetch, folder, classes=classes, with_details=with_details)
        except (BadPicture, BadLabel, Unavailable) as error:
            return SetAside(row.uri, row.sha256, str(error))
        finally:
            progress.advance()

    with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
        results = list(pool.map(one, rows))
    usable, doubles = _without_doubles([result for result in results if isinstance(result, Usable)])
    return usable, [result for result in results if isinstance(result, SetAside)] + doubles


def make_dataset(
    request: Request,
    pictures: Sequence[Usable],
    set_aside: Iterable[SetAside],
    update_split: Callable[[Callable[[Assignment], SplitResult]], SplitResult],
) -> Dataset:
    """Group the pictures and put each on its side; `update_split` keeps what was frozen."""
    if not pictures:
        raise JobError("no usable picture: label some, and see the pictures set aside with their reasons")
    subjects = [Subject(p.row.uri, p.row.sha256, p.row.group) for p in pictures]
    grouping = group_pictures(
        subjects,
        rule=request.group_rule,
        details=lambda: stack_details([p.detail for p in pictures if p.detail is not None]),
    )
    members = [
        Member(picture.row.sha256, key, tuple(box.label for box in picture.boxes))
        for picture, key in zip(pictures, grouping.keys, strict=True)
    ]
    split = update_split(lambda before: assign_splits(members, before, seed=request.seed))
    tied = [
        SetAside(picture.row.uri, picture.row.sha256, split.tied[picture.row.sha256])
        for picture in pictures
        if picture.row.sha256 in split.tied
    ]
    return Dataset(request, tuple(pictures), grouping, split, (*set_aside, *tied))


def write_dataset(dataset: Dataset, output: Path) -> str:
    """Write the manifest, the report and the three splits; return the manifest's SHA-256."""
    manifest = manifest_document(dataset)
    write_json(output / "dataset" / "manifest.json", manifest)
    sha256 = str(manifest["sha256"])
    write_json(output / "dataset" / "report.json", report_document(dataset, sha256))
    for name in SPLITS:
        _write_split(dataset, name, output / name, sha256)
    return sha256


def manifest_document(dataset: Dataset) -> dict[str, object]:
    """Return the manifest: every picture with its hash, and the hash of all this but the field itself."""
    request = dataset.request
    document: dict[str, object] = {
        "version": 1,
        "model": request.model,
        "as_of": request.as_of,
        "feature_group": request.feature_group,
        "query": request.query,
        "grouping": dataset.grouping.way,
        "classes": list(request.classes),
        "images": [
            {
                "uri": picture.row.uri,
                "sha256": picture.row.sha256,
                "width": picture.width,
                "height": picture.height,
                "group": group,
                "split": split,
                "boxes": [asdict(box) for box in picture.boxes],
                "labeling_job": picture.row.labeling_job,
                "event_time": picture.row.event_time,
            }
            for picture, group, split in _sides(dataset)
        ],
        "set_aside": [asdict(entry) for entry in dataset.set_aside],
    }
    return {**document, "sha256": canonical_sha256(document)}


def report_document(dataset: Dataset, manifest_sha256: str) -> dict[str, object]:
    """Return what a person reads: how many pictures and groups on each side, and what was left out."""
    sides = _sides(dataset)
    return {
        **{name: sum(split == name for _, _, split in sides) for name in SPLITS},
        "groups": {name: len({group for _, group, split in sides if split == name}) for name in SPLITS},
        "grouping": dataset.grouping.way,
        "notes": list(dataset.grouping.notes),
        "clipped": [
            {"uri": p.row.uri, "reason": f"{p.clipped} boxes reached over the picture's border and were cut"}
            for p in dataset.pictures
            if p.clipped
        ],
        "set_aside": [asdict(entry) for entry in dataset.set_aside],
        "sha256": manifest_sha256,
    }


def _fetch_one(
    row: LabelRow,
    fetch: Callable[[str], bytes],
    folder: Path,
    *,
    classes: tuple[str, ...],
    with_details: bool,
) -> Usable:
    content = fetch(row.uri)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != row.sha256:
        raise BadLabel(f"its bytes are not those that were labelled: SHA-256 {sha256[:16]}… now")
    picture = decode(content)
    height, width = picture.shape[:2]
    if (row.width, row.height) != (width, height):
        raise BadLabel(f"labelled as {row.width}x{row.height}, but it is {width}x{height} when upright")
    checked = check_boxes(row.boxes, width=width, height=height, classes=classes)
    path = folder / f"{threading.get_ident()}-{hashlib.sha256(row.uri.encode()).hexdigest()}"
    path.write_bytes(content)
    return Usable(
        row=row,
        path=path,
        width=width,
        height=height,
        boxes=checked.boxes,
        clipped=checked.clipped,
        detail=detail(picture) if with_details else None,
    )


def _without_doubles(pictures: Iterable[Usable]) -> tuple[list[Usable], list[SetAside]]:
    first: dict[str, Usable] = {}
    doubles: list[SetAside] = []
    for picture in pictures:
        known = first.setdefault(picture.row.sha256, picture)
        if known is not picture:
            doubles.append(
                SetAside(picture.row.uri, picture.row.sha256, f"the same bytes as {known.row.uri}")
            )
    return list(first.values()), doubles


def _sides(dataset: Dataset) -> list[tuple[Usable, str, str]]:
    """Return the pictures that have a side, with their group and side."""
    by_sha256 = dataset.split.by_sha256
    return [
        (picture, group, by_sha256[picture.row.sha256])
        for picture, group in zip(dataset.pictures, dataset.grouping.keys, strict=True)
        if picture.row.sha256 in by_sha256
    ]


def _write_split(dataset: Dataset, name: str, directory: Path, sha256: str) -> None:
    (directory / IMAGES_FOLDER).mkdir(parents=True, exist_ok=True)
    labeled = []
    for picture, group, split in _sides(dataset):
        if split != name:
            continue
        file = picture_file(picture.row.sha256, picture.row.uri)
        (directory / file).write_bytes(picture.path.read_bytes())
        labeled.append(
            LabeledPicture(
                file=file,
                sha256=picture.row.sha256,
                uri=picture.row.uri,
                width=picture.width,
                height=picture.height,
                group=group,
                boxes=picture.boxes,
            )
        )
    write_labels(Split(directory, dataset.request.classes, tuple(labeled), sha256))


def picture_file(sha256: str, uri: str) -> str:
    """Name a picture's file in the folder of its split, after its content."""
    suffix = PurePosixPath(uri).suffix.lower()
    return f"{IMAGES_FOLDER}/{sha256[:16]}{suffix if suffix in _EXTENSIONS else '.img'}"
