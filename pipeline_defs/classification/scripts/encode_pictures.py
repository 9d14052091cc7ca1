"""Encode the pictures of a checked data set, small and upright: the second job of the pipeline.

python -m pipeline_defs.classification.scripts.encode_pictures --settings FILE --dataset DIR --output-dir DIR
    [--processes N]
"""

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from pipeline_defs.classification.dataset import Header, read_images
from pipeline_defs.classification.encoding import encoder
from pipeline_defs.classification.encoding_workers import Lost, encode_all
from pipeline_defs.classification.job_inputs import add_arguments, read_inputs
from pipeline_defs.classification.shards import ShardWriter
from pipeline_defs.common.arguments import add_processes
from pipeline_defs.common.job import JobError, run
from pipeline_defs.common.progress import Progress
from pipeline_defs.common.whole_output import whole_output

_NAMED = 5
_TOO_MANY = 100  # lost pictures after which no other is tried


def main(arguments: list[str] | None = None) -> None:
    """Fetch, encode, write."""
    options = parse(arguments)
    settings, header = read_inputs(options.settings, options.dataset)
    try:
        encode_pictures(options, settings.input_size, header)
    except (ClientError, BotoCoreError) as error:
        raise JobError(f"AWS: {error}") from error


def encode_pictures(options: argparse.Namespace, input_size: int, header: Header) -> None:
    """Encode all pictures of a data set; what cannot be had is named at the end, and nothing is finished."""
    progress = Progress(header.count, "encoded")
    lost: list[Lost] = []
    with whole_output(options.output_dir) as output, ShardWriter(output / "encoded") as shards:
        images = read_images(options.dataset)
        for encoded in encode_all(images, input_size, processes=options.processes):
            if not isinstance(encoded, Lost):
                shards.add(encoded)
            else:
                lost.append(encoded)
                if len(lost) == _TOO_MANY:
                    break
            progress.advance()
        _refuse(lost, header.count)
        shards.finish({"dataset_sha256": header.sha256, "encoder": encoder(input_size)})


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Encode the pictures of a checked data set.")
    add_arguments(parser)
    add_processes(parser)
    return parser.parse_args(arguments)


def _refuse(lost: list[Lost], total: int) -> None:
    """A data set without some of its pictures would be another one."""
    if not lost:
        return
    named = "; ".join(f"{entry.uri}: {entry.reason}" for entry in lost[:_NAMED])
    more = f"; and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    least = "at least " if len(lost) == _TOO_MANY else ""
    raise JobError(
        f"{least}{len(lost)} of {total} pictures of the data set cannot be had: {named}{more}: "
        "restore them from the versions that the bucket keeps, or check the data again"
    )


if __name__ == "__main__":
    sys.exit(run(main))
