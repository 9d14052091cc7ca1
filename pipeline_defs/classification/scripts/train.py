"""Train a classifier on records: the training job's script.

python -m pipeline_defs.classification.scripts.train --settings FILE --train DIR --model-dir DIR --seed 7
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from inference.centre_view import centre_view
from inference.classifier import ClassifierCard, ExpectedChild
from pipeline_defs.classification.hyperparameters import Hyperparameters
from pipeline_defs.classification.label_map import labels_sha256
from pipeline_defs.classification.labeled_pictures import (
    LabeledPictures,
    Side,
    check_input_size,
    open_side,
)
from pipeline_defs.classification.settings import ClassificationSettings, label_map, read_settings
from pipeline_defs.common.arguments import at_least_one
from pipeline_defs.common.job import TRAINING_FAILURE_FILE, JobError, run
from pipeline_defs.common.named import named
from pipeline_defs.common.packaging import CLASSIFICATION, pack_serving_code

if TYPE_CHECKING:
    from pipeline_defs.classification.network import CompactClassifier

_CHECKED_PICTURES = 8
_ENDED_BY = 128  # and the number of the signal


@dataclass(frozen=True)
class Data:
    """What a run learns from, and what it is measured on, if anything."""

    side: Side
    train: LabeledPictures
    validation: LabeledPictures | None


def main(arguments: list[str] | None = None) -> None:
    """Train, export and pack; ends with 143 when SIGTERM told it to end, with 130 on Ctrl-C."""
    options = parse(arguments)
    settings = read_settings(options.settings)
    chosen = Hyperparameters(
        seed=options.seed,
        epochs=settings.epochs if options.epochs is None else options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        width=options.width,
        share=options.share,
    )
    started = time.monotonic()
    data = _open_data(settings, chosen, options)
    measured = "" if data.validation is None else f", validating on {len(data.validation)}"
    print(
        f"{settings.name}: {len(settings.labels)} labels, training on {len(data.train)} pictures{measured}; "
        f"input {settings.input_size}, {chosen}, {options.threads} threads",
        flush=True,
    )
    network = _train(data, settings, chosen, options)
    _write_model(network, data, settings, options.model_dir)
    print(f"trained in {time.monotonic() - started:.0f} s, {time.process_time():.0f} CPU s", flush=True)


def _train(
    data: Data, settings: ClassificationSettings, chosen: Hyperparameters, options: argparse.Namespace
) -> "CompactClassifier":
    # Only here, since OpenMP reads OMP_WAIT_POLICY when torch loads it.
    import cv2
    import torch

    from pipeline_defs.classification.checkpoints import Checkpoints
    from pipeline_defs.classification.training import Interrupted, Place, Training, run_identity

    torch.set_num_threads(options.threads)
    torch.backends.cudnn.deterministic = True
    cv2.setNumThreads(1)  # the batches' own threads are enough
    identity = run_identity(
        chosen, settings.input_size, labels_sha256(data.side.label_map.classes), data.side.records_sha256
    )
    checkpoints = Checkpoints(options.checkpoint_dir, identity) if options.checkpoint_dir else None
    with _orders_to_end() as came:
        place = Place(_device(), options.threads, checkpoints, lambda: bool(came))
        training = Training(data.train, data.validation, settings=settings, chosen=chosen, place=place)
        try:
            return training.run()
        except Interrupted as ended:
            print(ended, flush=True)
            raise SystemExit(_ENDED_BY + came[0]) from None


def _write_model(
    network: "CompactClassifier", data: Data, settings: ClassificationSettings, model_dir: Path
) -> None:
    from pipeline_defs.classification.export import export_onnx
    from pipeline_defs.classification.network import LabelScores

    model_dir.mkdir(parents=True, exist_ok=True)
    count = min(_CHECKED_PICTURES, len(data.train))
    views = tuple(centre_view(data.train[index], settings.input_size) for index in range(count))
    scores = LabelScores(network, data.side.label_map.label_of_class)
    export_onnx(scores, _card(settings, data.side), model_dir / "model.onnx", views)
    data.side.label_map.write(model_dir)
    pack_serving_code(model_dir, serving=CLASSIFICATION)


def _open_data(
    settings: ClassificationSettings, chosen: Hyperparameters, options: argparse.Namespace
) -> Data:
    side = _open_side(options.train, settings)
    everything = LabeledPictures(side, settings.input_size)
    empty = [label for label, count in everything.counts().items() if not count]
    if empty:
        raise JobError(
            f"{options.train}: no picture of {named(empty)}: a label without pictures cannot be learned; "
            "add pictures, or take it out of edgeline.toml"
        )
    train = everything.share(chosen.share)
    if not options.validation:
        return Data(side, train, None)
    validation = LabeledPictures(_open_side(options.validation, settings), settings.input_size)
    if not len(validation):
        raise JobError(f"{options.validation}: no pictures to validate on")
    return Data(side, train, validation)


def _open_side(folder: Path, settings: ClassificationSettings) -> Side:
    side = open_side(folder)
    if side.label_map != label_map(settings):
        raise JobError(
            f"{folder}: its label map is not that of {settings.name}'s settings: "
            "write and split the records again"
        )
    check_input_size(side, settings.input_size)
    return side


def _card(settings: ClassificationSettings, side: Side) -> ClassifierCard:
    children = {
        group: ExpectedChild(child.model, child.label_map_sha256)
        for group, child in side.label_map.children.items()
    }
    return ClassifierCard(
        labels=side.labels,
        input_size=settings.input_size,
        min_score=settings.min_score,
        label_map_sha256=side.label_map.sha256,
        children=children,
        dataset_sha256=side.dataset_sha256,
    )


@contextmanager
def _orders_to_end() -> Iterator[list[int]]:
    """Give the signals that came: SIGTERM before a job or its instance ends, SIGINT from a person.

    The second Ctrl-C does not wait for anything.
    """
    came: list[int] = []

    def notice(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, notice) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _device() -> str:
    return "cuda" if int(os.environ.get("SM_NUM_GPUS") or 0) > 0 else "cpu"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; inside a training job the folders come from SM_* variables."""
    defaults = Hyperparameters(seed=0, epochs=1)
    parser = argparse.ArgumentParser(description="Train a classifier on records.")
    parser.add_argument("--settings", type=Path, required=True, help="models/<name>.json")
    _add_folder(parser, "--train", "SM_CHANNEL_TRAIN", required=True)
    _add_folder(parser, "--validation", "SM_CHANNEL_VALIDATION")
    _add_folder(parser, "--model-dir", "SM_MODEL_DIR", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--epochs", type=int, help="otherwise those of the settings")
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=defaults.weight_decay)
    parser.add_argument("--width", type=int, default=defaults.width)
    parser.add_argument("--share", type=float, default=defaults.share, help="of the training side")
    parser.add_argument("--checkpoint-dir", type=Path, default=_given_checkpoint_folder())
    cpus = int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1)
    parser.add_argument("--threads", type=at_least_one, default=cpus)
    # A tuning job gives this to each of its trials beside the hyperparameters.
    parser.add_argument("--_tuning_objective_metric", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _add_folder(parser: argparse.ArgumentParser, name: str, variable: str, *, required: bool = False) -> None:
    value = os.environ.get(variable)
    default = Path(value) if value else None
    parser.add_argument(
        name, type=Path, default=default, required=required and not default, help=f"or {variable}"
    )


def _given_checkpoint_folder() -> Path | None:
    """Return /opt/ml/checkpoints, which is there only in a job that has a checkpoint configuration."""
    model = os.environ.get("SM_MODEL_DIR")
    folder = Path(model).parent / "checkpoints" if model else None
    return folder if folder and folder.is_dir() else None


if __name__ == "__main__":
    # Threads that spin while they wait are many times slower as soon as anything else needs the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    in_training_job = "SM_MODEL_DIR" in os.environ
    sys.exit(run(main, failure_file=TRAINING_FAILURE_FILE if in_training_job else None))
