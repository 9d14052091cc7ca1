"""`models/<name>.json` of each classifier, which its jobs are told by, made as the build makes it."""

import sys
from pathlib import Path

from config import Edgeline
from config_table import ConfigError
from pipeline_defs.classification.settings import settings_file, settings_from, settings_json
from stacks.constructs.described_classifier import described_classifier


def run(config: Path, folder: Path) -> int:
    """Write the files into the folder's `models/`; exit status 1 where the configuration is wrong."""
    try:
        files = write_job_settings(Edgeline.read(config), folder)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for file in files:
        print(file)
    return 0


def write_job_settings(config: Edgeline, folder: Path) -> list[Path]:
    """Write a file for each classifier; ConfigError where there is none.

    A `source` in the images bucket stays a key: a job on a laptop is given its `--source`.
    """
    if not config.classifiers:
        raise ConfigError('no model has task = "classification": detectors are told by options alone')
    written = []
    for model in config.classifiers:
        settings = settings_from({"name": model.name, **described_classifier(model)})
        file = folder / settings_file(model.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(settings_json(settings), encoding="utf-8")
        written.append(file)
    return written
