"""A data set from a listing: pictures checked, selected, counted, and written all or not at all."""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline_defs.classification import dataset
from pipeline_defs.classification.examination import Examination
from pipeline_defs.classification.listing import Listing
from pipeline_defs.classification.quarantine import Quarantine, Quarantined
from pipeline_defs.classification.selection import Kept, Selection
from pipeline_defs.classification.settings import ClassificationSettings, Quality
from pipeline_defs.classification.sorted_lines import SortedLines
from pipeline_defs.common.batches import in_batches
from pipeline_defs.common.documents import canonical_sha256, write_json
from pipeline_defs.common.job import JobError
from pipeline_defs.common.named import named
from pipeline_defs.common.whole_output import put_in_place, whole_output

REFUSED_FOLDER = "refused"
_SHOWN = 10_000  # pictures between two lines of the log
_LARGEST_GROUPS = 10
_TOLD = 20


@dataclass(frozen=True)
class Result:
    """What a person reads at the end."""

    sha256: str
    kept: int
    quarantined: int
    reasons: str


def check_data(
    settings: ClassificationSettings,
    listing: Listing,
    examination: Examination,
    output: Path,
    *,
    as_of: str,
    processes: int,
) -> Result:
    """Write `output`/dataset, complete or not at all.

    Raises JobError where the data is not good enough; `output`/refused then says what was wrong with it.
    """
    with whole_output(output) as folder, tempfile.TemporaryDirectory(dir=folder) as sorting:
        made = folder / dataset.FOLDER
        made.mkdir()
        kept, quarantine = _write_lists(made, Path(sorting), settings, listing, examination, processes)
        write_json(made / dataset.REPORT, _report(settings, listing, kept, quarantine))
        try:
            judge(settings, kept, quarantine, listing)
        except JobError as refused:
            (made / dataset.IMAGES).unlink()
            _tell(quarantine)
            put_in_place(made, output / REFUSED_FOLDER)
            raise JobError(f"{refused}; the lists are in {output / REFUSED_FOLDER}") from None
        header = _header(settings, listing, kept, quarantine, as_of, made)
        write_json(made / dataset.HEADER, header)
    shutil.rmtree(output / REFUSED_FOLDER, ignore_errors=True)
    return Result(str(header["sha256"]), kept.by_class.total(), len(quarantine), quarantine.reasons())


def judge(settings: ClassificationSettings, kept: Kept, quarantine: Quarantine, listing: Listing) -> None:
    """Raise JobError where too much was quarantined, or a class has too few pictures."""
    rules, good, bad, source = settings.quality, kept.by_class.total(), len(quarantine), listing.source
    if good + bad == 0:
        others = named(list(listing.ignored.largest())) or "none"
        raise JobError(
            f"{source}: no picture of {named(settings.classes)}: a class is a folder of its name; "
            f"other folders with files: {others}"
        )
    if bad > rules.max_quarantined * (good + bad):
        raise JobError(
            f"{source}: {bad} of {good + bad} pictures are quarantined, more than max_quarantined = "
            f"{rules.max_quarantined} ({quarantine.reasons()}): mend or remove them"
        )
    _judge_classes(settings, kept, quarantine, source)


def _tell(quarantine: Quarantine) -> None:
    """Put the first of the quarantined into the log: of a failed job on SageMaker nothing else remains."""
    for line in islice(quarantine, _TOLD):
        entry = json.loads(line)
        print(f"quarantined {entry['uri']}: {entry['reason']}: {entry['detail']}", flush=True)


def _judge_classes(settings: ClassificationSettings, kept: Kept, quarantine: Quarantine, source: str) -> None:
    counts = {name: kept.by_class[name] for name in settings.classes}
    empty = [_with_quarantined(name, quarantine) for name, count in counts.items() if not count]
    if empty:
        raise JobError(f"{source}: no good picture of {named(empty)}: add some, or remove the class")
    least = settings.quality.min_pictures
    few = [f"{name} ({count})" for name, count in counts.items() if count < least]
    if few:
        raise JobError(f"{source}: fewer than min_pictures = {least} good pictures of {named(few)}: add some")


def _with_quarantined(name: str, quarantine: Quarantine) -> str:
    bad = quarantine.by_class[name]
    return f"{name} ({bad} in quarantine)" if bad else name


def _write_lists(
    made: Path,
    sorting: Path,
    settings: ClassificationSettings,
    listing: Listing,
    examination: Examination,
    processes: int,
) -> tuple[Kept, Quarantine]:
    """Write images.jsonl and quarantine.jsonl; what is sorted on the way lies in `sorting`."""
    quarantine = Quarantine(sorting)
    rows = _examined(listing, examination, quarantine, sorting, processes)
    bits = settings.quality.near_duplicate_bits
    with (made / dataset.IMAGES).open("wb") as target:
        selection = Selection(rows, settings.classes)
        kept = selection.write(target, quarantine, settings.label_of(), bits)
    with (made / dataset.QUARANTINE).open("wb") as target:
        target.writelines(quarantine)
    return kept, quarantine


def _examined(
    listing: Listing, examination: Examination, quarantine: Quarantine, folder: Path, processes: int
) -> SortedLines:
    rows, count = SortedLines(folder, "rows"), 0
    for results in in_batches(listing, examination, processes=processes):
        for result in results:
            if isinstance(result, Quarantined):
                quarantine.add(result)
            else:
                rows.add(result)
            count += 1
            if count % _SHOWN == 0:
                print(f"checked {count} pictures", flush=True)
    return rows


def _header(
    settings: ClassificationSettings,
    listing: Listing,
    kept: Kept,
    quarantine: Quarantine,
    as_of: str,
    made: Path,
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "version": dataset.VERSION,
        "model": settings.name,
        "task": "classification",
        "source": listing.source,
        "as_of": as_of,
        "rules": _rules(settings.quality),
        "classes": list(settings.classes),
        "labels": {label: list(classes) for label, classes in settings.labels.items()},
        "counts": {name: kept.by_class[name] for name in settings.classes},
        "images": _file(made / dataset.IMAGES, count=kept.by_class.total()),
        "quarantine": _file(
            made / dataset.QUARANTINE, count=len(quarantine), by_reason=_sorted(quarantine.by_reason)
        ),
        "report": _file(made / dataset.REPORT),
    }
    return {**document, "sha256": canonical_sha256(document)}


def _report(
    settings: ClassificationSettings, listing: Listing, kept: Kept, quarantine: Quarantine
) -> dict[str, Any]:
    return {
        "pictures": kept.by_class.total(),
        "by_class": {name: kept.by_class[name] for name in settings.classes},
        "by_format": _sorted(kept.by_format),
        "near_duplicates": {
            "groups": len(kept.groups), "pictures": sum(kept.groups),
            "largest": kept.groups[:_LARGEST_GROUPS],
        },
        "quarantined": len(quarantine),
        "quarantined_by_reason": _sorted(quarantine.by_reason),
        "quarantined_by_class": _sorted(quarantine.by_class),
        "ignored": listing.ignored.document(),
    }  # fmt: skip


def _rules(quality: Quality) -> dict[str, Any]:
    return {**asdict(quality), "formats": list(quality.formats)}


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _file(path: Path, **facts: Any) -> dict[str, Any]:
    return {"file": path.name, "sha256": dataset.file_sha256(path), **facts}
