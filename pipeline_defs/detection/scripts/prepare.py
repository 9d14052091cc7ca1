"""Make a data set from the approved labels, or again from its manifest: the first job of the pipeline.

python -m pipeline_defs.detection.scripts.prepare --feature-group G --workgroup W --artifacts-bucket B
    --as-of TIME --model tags --classes scratch --seed 7 [--labels-manifest s3://…] [--group-rule REGEX]
    --output-dir DIR [--dataset-manifest s3://…]
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.common.job import JobError, run
from pipeline_defs.common.objects import Unavailable, fetch
from pipeline_defs.detection.grouping import compile_rule
from pipeline_defs.detection.label_query import (
    find_table,
    normal_time,
    point_in_time_query,
    run_query,
    wait_until_visible,
)
from pipeline_defs.detection.labels import LabelRow
from pipeline_defs.detection.preparation import (
    DOWNLOAD_THREADS,
    Request,
    fetch_pictures,
    make_dataset,
    write_dataset,
)
from pipeline_defs.detection.recreation import read_manifest, recreate
from pipeline_defs.detection.split_store import update_split


def main(arguments: list[str] | None = None) -> None:
    """Query, download, group, split, write."""
    options = parse(arguments)
    compile_rule(options.group_rule)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=DOWNLOAD_THREADS
    )
    s3 = boto3.client("s3", config=config)
    try:
        if options.dataset_manifest:
            prepare_again(options, s3)
            return
        prepare(options, s3, boto3.client("athena", config=config), boto3.client("sagemaker", config=config))
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error


def prepare(options: argparse.Namespace, s3: Any, athena: Any, sagemaker: Any) -> None:
    """Do it with the given clients."""
    as_of = normal_time(options.as_of)
    sql = point_in_time_query(find_table(sagemaker, options.feature_group), model=options.model, as_of=as_of)
    request = Request(
        model=options.model,
        classes=tuple(name.strip() for name in options.classes.split(",") if name.strip()),
        as_of=as_of,
        feature_group=options.feature_group,
        query=sql,
        group_rule=options.group_rule,
        seed=options.seed,
    )
    rows = wait_until_visible(
        lambda: run_query(athena, options.workgroup, sql),
        labels_until(read_lines(s3, options.labels_manifest), as_of),
        timeout_seconds=options.visible_timeout_seconds,
    )
    approved = [row for row in rows if row.approved and not row.deleted]
    print(f"{len(approved)} approved labels as of {as_of}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        pictures, set_aside = fetch_pictures(
            approved,
            lambda uri: fetch(s3, uri),
            Path(folder),
            classes=request.classes,
            with_details=_pixels_decide(approved, options.group_rule),
        )
        key = f"datasets/{options.model}/split.json"
        dataset = make_dataset(
            request,
            pictures,
            set_aside,
            lambda assign: update_split(s3, options.artifacts_bucket, key, assign),
        )
        sha256 = write_dataset(dataset, options.output_dir)
    for entry in dataset.set_aside:
        print(f"set aside {entry.uri}: {entry.reason}")
    for note in dataset.grouping.notes:
        print(f"note: {note}")
    print(f"data set {sha256}, grouped by {dataset.grouping.way}", flush=True)


def prepare_again(options: argparse.Namespace, s3: Any) -> None:
    """Make the very data set of a manifest; no label is asked for, and no split is frozen anew."""
    uri = options.dataset_manifest
    try:
        manifest = read_manifest(fetch(s3, uri), uri)
    except Unavailable as error:
        raise JobError(f"data set manifest {uri}: {error}") from error
    if manifest["model"] != options.model:
        raise JobError(f"{uri}: a data set of the model {manifest['model']!r}, not of {options.model!r}")
    sha256 = recreate(manifest, lambda image: fetch(s3, image), options.output_dir)
    print(f"data set {sha256}, made again from its manifest", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a data set from the approved labels.")
    parser.add_argument("--feature-group", required=True)
    parser.add_argument("--workgroup", required=True)
    parser.add_argument("--artifacts-bucket", required=True)
    parser.add_argument("--as-of", required=True, help="labels up to this time, such as 2026-11-21T12:00:00Z")
    parser.add_argument("--model", required=True)
    parser.add_argument("--classes", required=True, help="separated by commas")
    parser.add_argument("--labels-manifest", default="", help="S3 URI: wait until its labels can be queried")
    parser.add_argument("--dataset-manifest", default="", help="S3 URI: make this data set again, no other")
    parser.add_argument("--group-rule", default="", help="regular expression on the file's name")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--visible-timeout-seconds", type=float, default=1500)
    parser.add_argument("--output-dir", type=Path, default=Path("/opt/ml/processing/output"))
    return parser.parse_args(arguments)


def read_lines(s3: Any, uri: str) -> list[str]:
    """Read a text object's lines; none for an empty URI."""
    if not uri:
        return []
    try:
        return [line for line in fetch(s3, uri).decode().splitlines() if line.strip()]
    except Unavailable as error:
        raise JobError(f"labels manifest {uri}: {error}") from error


def labels_until(manifest: list[str], as_of: str) -> list[str]:
    """Return the manifest's lines; raises JobError if one is newer than the data set may be."""
    for line in manifest:
        entry = json.loads(line)
        if entry["event-time"] > as_of:
            raise JobError(f"{entry['source-ref']}: labelled at {entry['event-time']}, after --as-of {as_of}")
    return manifest


def _pixels_decide(rows: list[LabelRow], rule: str) -> bool:
    return not rule and not all(row.group for row in rows)


if __name__ == "__main__":
    sys.exit(run(main))
