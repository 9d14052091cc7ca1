"""Make a version of a data set again from its manifest, its pictures included.

python -m pipeline_defs.classification.scripts.recreate --dataset-manifest s3://…/manifest.json | FILE
    --output-dir DIR [--processes N] [--threads N]

Writes DIR/dataset/ as it was, and DIR/pictures/<class>/<SHA-256>.<format>.
"""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.classification.examination import DOWNLOADS, read_object, s3_client
from pipeline_defs.classification.recreation import as_uri, recreate
from pipeline_defs.common.arguments import add_processes, at_least_one
from pipeline_defs.common.job import JobError, run


def main(arguments: list[str] | None = None) -> None:
    """Fetch every picture by its version, compare, write."""
    options = parse(arguments)
    try:
        header = recreate(
            as_uri(options.dataset_manifest),
            options.output_dir,
            s3=s3_client(),
            read=read_object,
            with_pictures=True,
            processes=options.processes,
            downloads=options.threads,
        )
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error
    print(f"data set {header.sha256} of {header.model}, {header.count} pictures", flush=True)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a version of a data set again.")
    parser.add_argument("--dataset-manifest", required=True, help="S3 URI or file")
    add_processes(parser)
    parser.add_argument(
        "--threads", type=at_least_one, default=DOWNLOADS, help="downloads at a time in each process"
    )
    parser.add_argument("--output-dir", type=Path, required=True)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(run(main))
