"""Train the detector on a prepared data set: the training job's script.

python -m pipeline_defs.detection.scripts.train --train DIR --validation DIR --model-dir DIR --seed 7
"""

import argparse
import os
import sys
import time
from pathlib import Path

from pipeline_defs.common.job import TRAINING_FAILURE_FILE, JobError, run
from pipeline_defs.common.packaging import DETECTION, pack_serving_code
from pipeline_defs.detection.dataset import Split, read_split
from pipeline_defs.detection.settings import InputSize, Settings, choose_input_size


def main(arguments: list[str] | None = None) -> None:
    """Train, export and pack."""
    options = parse(arguments)
    settings = Settings(
        seed=options.seed,
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        input_area=options.input_area,
    )
    _check(settings)
    started = time.monotonic()
    train, validation = read_split(options.train), read_split(options.validation)
    if train.classes != validation.classes:
        raise JobError(f"{options.validation}: its classes are not those of {options.train}")
    size = choose_input_size(train.pictures, settings.input_area)
    print(
        f"training on {len(train.pictures)} pictures, validating on {len(validation.pictures)}; "
        f"input {size.height}x{size.width}, seed {settings.seed}, {options.threads} threads",
        flush=True,
    )
    _train(train, validation, size, settings, options)
    print(f"trained in {time.monotonic() - started:.0f} s, {time.process_time():.0f} CPU s", flush=True)


def _train(
    train: Split, validation: Split, size: InputSize, settings: Settings, options: argparse.Namespace
) -> None:
    # Only here, since OpenMP reads OMP_WAIT_POLICY when torch loads it.
    import torch

    from pipeline_defs.detection.export import ModelCard, export_onnx
    from pipeline_defs.detection.training import train_detector

    torch.set_num_threads(options.threads)
    trained = train_detector(train, validation, size, settings)
    options.model_dir.mkdir(parents=True, exist_ok=True)
    card = ModelCard(train.classes, size.height, size.width, train.dataset_sha256)
    export_onnx(trained.network, card, options.model_dir / "model.onnx")
    pack_serving_code(options.model_dir, serving=DETECTION)
    score = trained.validation
    print(f"validation:map50={score.map50:.4f}; validation:map50_95={score.map50_95:.4f};")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; inside a training job the folders come from SM_* variables."""
    defaults = Settings(seed=0)
    parser = argparse.ArgumentParser(description="Train the detector on a prepared data set.")
    _add_folder(parser, "--train", "SM_CHANNEL_TRAIN")
    _add_folder(parser, "--validation", "SM_CHANNEL_VALIDATION")
    _add_folder(parser, "--model-dir", "SM_MODEL_DIR")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=defaults.weight_decay)
    parser.add_argument("--input-area", type=int, default=defaults.input_area, help="pixels")
    parser.add_argument(
        "--threads", type=int, default=int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1)
    )
    return parser.parse_args(arguments)


def _add_folder(parser: argparse.ArgumentParser, name: str, variable: str) -> None:
    default = os.environ.get(variable)
    parser.add_argument(
        name,
        type=Path,
        default=Path(default) if default else None,
        required=not default,
        help=f"or {variable}",
    )


def _check(settings: Settings) -> None:
    for name in ("steps", "batch_size", "learning_rate", "input_area"):
        if getattr(settings, name) <= 0:
            raise JobError(f"--{name.replace('_', '-')} {getattr(settings, name)}: must be more than 0")


if __name__ == "__main__":
    # Threads that spin while they wait are many times slower as soon as anything else needs the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    in_training_job = "SM_MODEL_DIR" in os.environ
    sys.exit(run(main, failure_file=TRAINING_FAILURE_FILE if in_training_job else None))
