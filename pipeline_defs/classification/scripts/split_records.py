"""Split the records into train, validation, test and full by the frozen split of the tree: the fourth job.

python -m pipeline_defs.classification.scripts.split_records --settings FILE --dataset DIR --records DIR
    --artifacts-bucket B | --split-file FILE  --seed N --output-dir DIR
"""

import argparse
import json
import sys
from pathlib import Path

import boto3
import numpy as np
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.classification.dataset import Header, read_images
from pipeline_defs.classification.job_inputs import add_arguments, read_inputs
from pipeline_defs.classification.label_map import FILE as LABEL_MAP
from pipeline_defs.classification.members import read_members
from pipeline_defs.classification.recordio import BadRecords, RecordReader
from pipeline_defs.classification.samples import write_samples
from pipeline_defs.classification.scripts.write_records import RECORDS
from pipeline_defs.classification.settings import ClassificationSettings, label_map
from pipeline_defs.classification.side_files import TEST, write_sides
from pipeline_defs.classification.split import assign
from pipeline_defs.classification.split_store import BucketSplit, FileSplit
from pipeline_defs.common.documents import write_json
from pipeline_defs.common.job import JobError, run
from pipeline_defs.common.whole_output import whole_output


def main(arguments: list[str] | None = None) -> None:
    """Open, split, copy."""
    options = parse(arguments)
    settings, header = read_inputs(options.settings, options.dataset)
    records = open_records(options.records, header, settings.input_size)
    try:
        split_records(options, settings, header, records)
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error


def split_records(
    options: argparse.Namespace, settings: ClassificationSettings, header: Header, records: RecordReader
) -> None:
    """Freeze what is new, and write every side; what is frozen stays so if writing fails."""
    members = read_members(read_images(options.dataset))
    store = _store(options, settings.tree)
    labels = label_map(settings)
    with whole_output(options.output_dir) as output:
        assigned = store.extend(lambda before: assign(members, before, seed=options.seed))
        report, samples = write_sides(
            output,
            read_images(options.dataset),
            records,
            assigned,
            labels=labels,
            header=header,
            input_size=settings.input_size,
        )
        write_samples(
            output / TEST,
            samples.chosen(),
            labels=labels.labels,
            dataset_sha256=header.sha256,
            records=output / TEST / f"{TEST}.rec",
        )
        document = {"dataset_sha256": header.sha256, "tree": settings.tree, "seed": options.seed}
        write_json(output / "split" / "report.json", {**document, **report.document(members, assigned)})
    for entry in report.set_aside:
        print(f"set aside {entry['uri']}: {entry['reason']}")
    print(f"data set {header.sha256}: {report.line(assigned.kept)}", flush=True)


def open_records(folder: Path, header: Header, input_size: int) -> RecordReader:
    """Open the records; raises BadRecords where they are not whole, of another data set or input size."""
    path = folder / LABEL_MAP
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found, size = document["dataset_sha256"], document["input_size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRecords(f"{path}: no label map of records ({error!r}): write the records first") from error
    if found != header.sha256:
        raise BadRecords(f"{folder}: records of the data set {found}, not {header.sha256}: write them again")
    if size != input_size:
        raise BadRecords(f"{folder}: records for an input_size of {size}, not {input_size}: write them again")
    records = RecordReader(folder / f"{RECORDS}.rec")
    if not np.array_equal(records.keys, np.arange(header.count)):
        raise BadRecords(
            f"{folder}: {len(records)} records, the data set has {header.count} pictures: write them again"
        )
    return records


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Split records by the frozen split of their tree.")
    add_arguments(parser)
    parser.add_argument("--records", type=Path, required=True, help="records/ as write_records left it")
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--artifacts-bucket", help="where datasets/<tree>/split.bin is")
    place.add_argument(
        "--split-file", type=Path, help="the frozen split on a laptop; made if it is not there"
    )
    parser.add_argument("--seed", type=int, required=True)
    return parser.parse_args(arguments)


def _store(options: argparse.Namespace, tree: str) -> BucketSplit | FileSplit:
    if options.split_file is not None:
        return FileSplit(options.split_file, tree)
    s3 = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 6}))
    return BucketSplit(s3, options.artifacts_bucket, tree)


if __name__ == "__main__":
    sys.exit(run(main))
