"""Write the labels as of a day or a time: an augmented manifest, the same whenever it is asked for.

python -m pipeline_defs.detection.scripts.labels_as_of --feature-group G --workgroup W --model tags
    --as-of 2026-11-01 --output FILE|s3://BUCKET/KEY [--classes scratch,dent]
"""

import argparse
import hashlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.common.job import JobError, run
from pipeline_defs.detection.label_query import find_table, normal_time, point_in_time_query, query_rows
from pipeline_defs.detection.labels_as_of import ARRIVAL_MINUTES, COLUMNS, check_settled, manifest


def main(arguments: list[str] | None = None) -> None:
    """Query, and write the manifest."""
    options = parse(arguments)
    arrival = timedelta(minutes=options.arrival_minutes)
    check_settled(options.as_of, arrival, datetime.now(UTC))
    config = Config(retries={"mode": "standard", "total_max_attempts": 6})
    try:
        sagemaker, athena = (boto3.client(name, config=config) for name in ("sagemaker", "athena"))
        sql = point_in_time_query(
            find_table(sagemaker, options.feature_group),
            model=options.model,
            as_of=options.as_of,
            columns=COLUMNS,
            arrival=arrival,
        )
        body = manifest(query_rows(athena, options.workgroup, sql), options.classes)
        write(body, options.output, lambda: boto3.client("s3", config=config))
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error
    sha256, as_of = hashlib.sha256(body).hexdigest(), normal_time(options.as_of)
    print(f"{len(body.splitlines())} labels as of {as_of}: {options.output}, SHA-256 {sha256}", flush=True)


def write(body: bytes, output: str, s3: Any) -> None:
    """Write to a file or an S3 URI; `s3` makes the client."""
    if not output.startswith("s3://"):
        try:
            Path(output).write_bytes(body)
        except OSError as error:
            raise JobError(f"--output {output}: cannot be written: {error.strerror}") from error
        return
    place = urlsplit(output, allow_fragments=False)
    s3().put_object(
        Bucket=place.netloc, Key=place.path.lstrip("/"), Body=body, ContentType="application/x-ndjson"
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write the labels of a model as of a day or a time.")
    parser.add_argument("--feature-group", required=True, help="output FeatureGroup of the Data stack")
    parser.add_argument("--workgroup", required=True, help="output Workgroup of the Training stack")
    parser.add_argument("--model", required=True)
    parser.add_argument("--as-of", required=True, help="2026-11-01: all of that day in UTC; or a time")
    parser.add_argument("--output", required=True, help="a file, or s3://BUCKET/KEY")
    parser.add_argument(
        "--classes", type=_names, default=(), help="their order, by commas; else that of the records"
    )
    parser.add_argument(
        "--arrival-minutes",
        type=float,
        default=ARRIVAL_MINUTES,
        help="how long after its time a label may arrive in the offline store and still count",
    )
    return parser.parse_args(arguments)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(run(main))
