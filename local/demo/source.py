"""Where the demo's pictures come from, and which ones are kept from training for the devices."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.pictures import decode
from local.demo import synthetic
from local.demo.annotator import Truth
from local.demo.batch import Picture, SetAside
from local.demo.folder import Progress
from local.demo.holdout import hold_out
from local.demo.labels import read_labeled_folder
from pipeline_defs.detection.similarity import detail, group_by_similarity

FRESH_PICTURES = 24
UNKNOWN_PICTURE = "the demo's label file says nothing of it"


@dataclass(frozen=True)
class Material:
    """What goes into the line, what the devices get to see, and what the simulated people know."""

    description: str
    classes: tuple[str, ...]
    uploads: tuple[Picture, ...]
    fresh: tuple[Picture, ...]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]

    @property
    def truths(self) -> dict[str, Truth]:
        """The truth of each picture by the SHA-256 of its content."""
        return {picture.sha256: _truth(picture) for picture in (*self.uploads, *self.fresh)}


def draw(folder: Path, *, number: int, seed: int, progress: Progress) -> Material:
    """Draw `number` pictures of tags for training and others for the devices, as files in `folder`."""
    total = number + FRESH_PICTURES
    drawn = []
    for index, picture in enumerate(synthetic.training_pictures(seed, number), start=1):
        drawn.append(_written(folder / "tags", picture))
        progress(index, total)
    fresh = []
    for index, picture in enumerate(synthetic.fresh_pictures(seed, FRESH_PICTURES), start=number + 1):
        fresh.append(_written(folder / "fresh", picture))
        progress(index, total)
    return Material(f"{number} synthetic tags", (synthetic.LABEL,), tuple(drawn), tuple(fresh), (), ())


def read(images: Path, labels: Path | None, *, seed: int, progress: Progress) -> Material:
    """Read the user's folder, and hold pictures of some objects out for the devices; raises BadInput."""
    batch = read_labeled_folder(images, labels, progress=progress)
    holdout = hold_out(batch, group=_objects, seed=seed)
    left_out = [SetAside(p.name, "shows an object that the devices inspect") for p in holdout.left_out]
    return Material(
        description=f"{len(batch.pictures)} pictures of {images}",
        classes=batch.classes,
        uploads=holdout.uploads,
        fresh=holdout.fresh,
        set_aside=(*batch.set_aside, *left_out),
        notes=(*batch.notes, *([holdout.note] if holdout.note else []), _kept(holdout.fresh)),
    )


def _objects(pictures: Sequence[Picture]) -> Sequence[Hashable]:
    details = np.stack([detail(decode(picture.path.read_bytes())) for picture in pictures])
    return group_by_similarity(details).numbers


def _kept(fresh: Sequence[Picture]) -> str:
    names = ", ".join(picture.name for picture in fresh) or "none"
    return f"{len(fresh)} pictures are kept for the devices and never trained on: {names}"


def _written(folder: Path, picture: synthetic.SyntheticPicture) -> Picture:
    folder.mkdir(parents=True, exist_ok=True)
    content = picture.encoded()
    path = folder / picture.name
    path.write_bytes(content)
    height, width = picture.pixels.shape
    sha256 = hashlib.sha256(content).hexdigest()
    return Picture(picture.name, path, sha256, width, height, picture.boxes, picture.group)


def _truth(picture: Picture) -> Truth:
    if picture.problem:
        return Truth(unusable=picture.problem)
    return Truth(picture.boxes) if picture.boxes is not None else Truth(unusable=UNKNOWN_PICTURE)
