"""The jobs up to the split, run on pictures of a tree on disk."""

import json
from pathlib import Path
from typing import Any

from checked_data import write_dataset, write_settings

from pipeline_defs.classification.dataset import Image, read_header, read_images
from pipeline_defs.classification.encoding import encode, encoder
from pipeline_defs.classification.scripts import split_records, write_records
from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.classification.shards import ShardWriter

SIDES = ("train", "validation", "test")


def write_encoded(folder: Path, dataset: Path) -> Path:
    """What encode_pictures leaves."""
    with ShardWriter(folder) as shards:
        for image in read_images(dataset):
            shards.add(encode(Path(image.uri.removeprefix("file://")).read_bytes(), 64))
        shards.finish({"dataset_sha256": read_header(dataset).sha256, "encoder": encoder(64)})
    return folder


def prepare(folder: Path, settings: ClassificationSettings, images: list[Image]) -> None:
    """Do what the jobs before do."""
    dataset = write_dataset(folder / "dataset", settings, images)
    encoded = write_encoded(folder / "encoded", dataset)
    file = write_settings(folder / "settings.json", settings)
    options = {"settings": file, "dataset": dataset, "encoded": encoded, "output-dir": folder}
    write_records.main([f"--{name}={value}" for name, value in options.items()])


def job(folder: Path, *, seed: int = 7, split: Path | None = None) -> Path:
    """Split what was prepared in `folder`; return the output."""
    options = {
        "settings": folder / "settings.json", "dataset": folder / "dataset", "records": folder / "records",
        "split-file": split or folder.parent / "split.bin", "seed": seed, "output-dir": folder / "out",
    }  # fmt: skip
    split_records.main([f"--{name}={value}" for name, value in options.items()])
    return folder / "out"


def run(folder: Path, settings: ClassificationSettings, images: list[Image], seed: int = 7) -> Path:
    prepare(folder, settings, images)
    return job(folder, seed=seed)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def uris(out: Path, side: str) -> list[str]:
    return [line.split("\t")[2] for line in (out / side / f"{side}.lst").read_text().splitlines()]


def side_of(out: Path) -> dict[str, str]:
    return {uri: side for side in SIDES for uri in uris(out, side)}
