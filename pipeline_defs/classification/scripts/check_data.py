"""Check pictures and write what is known of the good ones: the first job of a classification pipeline.

python -m pipeline_defs.classification.scripts.check_data --settings FILE --output-dir DIR
    [--as-of 2026-11-21T12:00:00Z] [--source s3://bucket/prefix/ | s3://….manifest | FOLDER]
    [--dataset-manifest s3://…/manifest.json | FILE]
    [--processes N] [--threads N]
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.classification.data_check import check_data
from pipeline_defs.classification.examination import DOWNLOADS, Examination, read_object, s3_client
from pipeline_defs.classification.listing import Listing
from pipeline_defs.classification.recreation import as_uri, recreate
from pipeline_defs.classification.settings import read_settings
from pipeline_defs.common.arguments import add_processes, at_least_one
from pipeline_defs.common.job import JobError, run

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def main(arguments: list[str] | None = None) -> None:
    """List, read, check, select, write; or the same version again."""
    options = parse(arguments)
    try:
        if options.dataset_manifest:
            again(options)
        else:
            anew(options)
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error


def anew(options: argparse.Namespace) -> None:
    """Check what the source held at a time, or holds now."""
    settings = read_settings(options.settings)
    source = options.source or settings.source
    remote = source.startswith("s3://")
    # Only a prefix has a past; a manifest or a folder is what it is when it is read.
    as_of = options.as_of if remote and source.endswith("/") else None
    result = check_data(
        settings,
        Listing(source, settings.classes, s3_client() if remote else None, as_of=as_of),
        Examination(settings.quality, read_object, options.threads or (DOWNLOADS if remote else 1)),
        options.output_dir,
        as_of=(as_of or datetime.now(UTC)).strftime(_TIME),
        processes=options.processes,
    )
    print(f"{result.kept} pictures kept, {result.quarantined} quarantined {result.reasons}".rstrip())
    print(f"data set {result.sha256}", flush=True)


def again(options: argparse.Namespace) -> None:
    """Make the very version of a manifest, or fail by naming what it lacks."""
    header = recreate(
        as_uri(options.dataset_manifest),
        options.output_dir,
        s3=s3_client(),
        read=read_object,
        model=read_settings(options.settings).name,
        processes=options.processes,
        downloads=options.threads or DOWNLOADS,
    )
    print(f"data set {header.sha256}, {header.count} pictures, made again from its manifest", flush=True)


def _time(text: str) -> datetime | None:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC) if text else None


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Check the pictures of a classification model.")
    parser.add_argument("--settings", type=Path, required=True, help="models/<name>.json of the build")
    parser.add_argument("--source", default="", help="instead of the one in the settings")
    parser.add_argument("--as-of", type=_time, default=None, help="of a prefix: 2026-11-21T12:00:00Z; or now")
    parser.add_argument("--dataset-manifest", default="", help="S3 URI or file: make this version again")
    add_processes(parser)
    parser.add_argument("--threads", type=at_least_one, help="downloads at a time in each process")
    parser.add_argument("--output-dir", type=Path, default=Path("/opt/ml/processing/output"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(run(main))
