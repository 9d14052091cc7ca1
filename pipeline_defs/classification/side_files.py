"""The records of a data set, copied to their sides: full, train, validation and test, each a folder."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from pipeline_defs.classification.dataset import Header, Image
from pipeline_defs.classification.frozen_split import ASIDE, SIDES
from pipeline_defs.classification.job_inputs import number_of_class
from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.classification.labeled_records import LabeledRecords
from pipeline_defs.classification.recordio import BadRecords, RecordReader
from pipeline_defs.classification.samples import Samples
from pipeline_defs.classification.split import Assigned
from pipeline_defs.classification.split_report import SplitReport
from pipeline_defs.common.progress import Progress

FULL = "full"  # all that may be trained on: train and validation, never test
TEST = "test"


def write_sides(
    output: Path,
    images: Iterable[Image],
    records: RecordReader,
    assigned: Assigned,
    *,
    labels: LabelMap,
    header: Header,
    input_size: int,
) -> tuple[SplitReport, Samples]:
    """Write `<side>/<side>.rec` and what goes with it; return the counts, and samples of the test side.

    Raises BadRecords at a record that is not that of its picture.
    """
    classes = [name for of_label in header.labels.values() for name in of_label]
    report, samples, progress = SplitReport(classes), Samples(), Progress(header.count, "split")
    with ExitStack() as stack:
        files = {
            side: stack.enter_context(LabeledRecords(output / side, side, labels, header, input_size))
            for side in (FULL, *SIDES)
        }
        for place, image in enumerate(images):
            side = int(assigned.sides[place])
            report.add(image, side, int(assigned.kinds[place]))
            progress.advance()
            if side == ASIDE:
                continue
            number = number_of_class(labels, image)
            framed = _checked(records, place, number)
            name = SIDES[side]
            for folder in (name,) if name == TEST else (name, FULL):
                files[folder].copy(place, number, framed, image.uri)
            if name == TEST:
                samples.consider(image)
    return report, samples


def _checked(records: RecordReader, place: int, number: int) -> bytes:
    framed = records.framed(place)
    record = records.record(place, framed)
    if (record.id, record.label) != (place, number):
        raise BadRecords(
            f"{records.path}: record {place} has the id {record.id} and the label {record.label}, "
            f"not {place} and {number}: write the records again"
        )
    return framed
