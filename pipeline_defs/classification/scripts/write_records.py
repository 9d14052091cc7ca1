"""Put the encoded pictures with their classes into RecordIO files: the third job of the pipeline.

python -m pipeline_defs.classification.scripts.write_records --settings FILE --dataset DIR --encoded DIR
    --output-dir DIR
"""

import argparse
import sys
from pathlib import Path

from inference.centre_view import short_side
from pipeline_defs.classification.dataset import read_images
from pipeline_defs.classification.job_inputs import add_arguments, number_of_class, read_inputs
from pipeline_defs.classification.labeled_records import LabeledRecords
from pipeline_defs.classification.settings import label_map
from pipeline_defs.classification.shards import read_shards
from pipeline_defs.common.job import run
from pipeline_defs.common.progress import Progress
from pipeline_defs.common.whole_output import whole_output

RECORDS = "all"  # the files' name


def main(arguments: list[str] | None = None) -> None:
    """Read pictures and classes side by side, and write."""
    options = parse(arguments)
    settings, header = read_inputs(options.settings, options.dataset)
    labels = label_map(settings)
    pictures = read_shards(
        options.encoded,
        dataset_sha256=header.sha256,
        images=header.count,
        short_side=short_side(settings.input_size),
    )
    progress = Progress(header.count, "written")
    with (
        whole_output(options.output_dir) as output,
        LabeledRecords(output / "records", RECORDS, labels, header, settings.input_size) as records,
    ):
        both = zip(read_images(options.dataset), pictures, strict=True)
        for place, (image, picture) in enumerate(both):
            records.write(place, number_of_class(labels, image), picture, image.uri)
            progress.advance()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Put encoded pictures with their classes into RecordIO files."
    )
    add_arguments(parser)
    parser.add_argument("--encoded", type=Path, required=True, help="encoded/ as encode_pictures left it")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(run(main))
