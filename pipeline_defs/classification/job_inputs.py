"""What a job is given about its data, checked at the door: settings and data set of one model."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline_defs.classification.dataset import IMAGES, Header, Image, read_header
from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.classification.settings import ClassificationSettings, read_settings
from pipeline_defs.common.job import JobError
from pipeline_defs.common.named import named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every job of the preprocessing is told."""
    parser.add_argument(
        "--settings", type=Path, required=True, help="models/<name>.json of the code's folder"
    )
    parser.add_argument("--dataset", type=Path, required=True, help="dataset/ as check_data left it")
    parser.add_argument("--output-dir", type=Path, default=Path("/opt/ml/processing/output"))


def read_inputs(settings_file: Path, dataset: Path) -> tuple[ClassificationSettings, Header]:
    """Read both; raises JobError where one is not whole, or they are of different models or labels."""
    settings, header = read_settings(settings_file), read_header(dataset)
    if settings.name != header.model:
        raise JobError(
            f"{dataset}: of the model {header.model!r}, but {settings_file} is of {settings.name!r}"
        )
    if list(settings.labels.items()) != list(header.labels.items()):
        here, there = _only(header.labels, settings.labels), _only(settings.labels, header.labels)
        raise JobError(
            f"{dataset}: its labels are not those of {settings_file}: {here} here, {there} there: "
            "check the data again with these settings"
        )
    if not header.count:
        raise JobError(f"{dataset}: no picture in this data set: its report says what became of them")
    return settings, header


def number_of_class(labels: LabelMap, image: Image) -> int:
    """Return the number of a picture's class; raises JobError if the model has no such class."""
    try:
        return labels.class_numbers[image.class_name]
    except KeyError:
        raise JobError(f"{IMAGES}: {image.uri}: {labels.model} has no class {image.class_name!r}") from None


def _only(labels: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]]) -> str:
    """Name the labels, with their classes, that the others have not: none where only the order differs."""
    lacking = [f"{label} ({named(own)})" for label, own in labels.items() if others.get(label) != own]
    return f"only {named(lacking)}" if lacking else "no other, or in another order,"
