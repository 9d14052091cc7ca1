"""A model that names what a picture shows: its pictures, the rules for them, its tuning and its training."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from config_model import Model, Task, read_shared
from config_table import Table

Strategy = Literal["random", "bayesian"]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
_FOLDER = r"[A-Za-z0-9_-][A-Za-z0-9_. -]*"
_KEY = rf"images/({_FOLDER}/)*"
_DATA = rf"{_KEY}|{_KEY}{_FOLDER}\.manifest|s3://[a-z0-9][a-z0-9.-]+/({_FOLDER}/)*{_FOLDER}\.manifest"
# The name of a folder: what nobody sees at its end, or in it, would be another folder.
_CLASS = r"[^/\\,.\s](?:[^/\\,\x00-\x1f\x7f]{0,62}[^/\\,\s\x00-\x1f\x7f])?"
_MIN_SCORE = 0.5


@dataclass(frozen=True)
class Tuning:
    """A search for the best parameters: `jobs` trainings of `epochs` on a `share` of the training side.

    `parallel` of them run at a time. Each of `learning_rate`, `weight_decay` and `width` is a range, both
    ends in it. `early_stopping`: whether a trial that falls behind is stopped.
    """

    strategy: Strategy = "random"
    jobs: int = 8
    parallel: int = 2
    share: float = 0.5
    epochs: int = 10
    early_stopping: bool = True
    learning_rate: tuple[float, float] = (3e-4, 1e-2)
    weight_decay: tuple[float, float] = (1e-4, 5e-2)
    width: tuple[int, int] = (16, 48)


@dataclass(frozen=True)
class Quality:
    """Which pictures are trained on. Sides in pixels; `max_aspect` is the longer side over the shorter one.

    Pictures whose 64-bit difference hashes differ in at most `near_duplicate_bits` are near-duplicates (0:
    exact copies only). A class needs `min_pictures`; the data are refused where more than the share
    `max_quarantined` of them was set aside.
    """

    formats: tuple[str, ...] = FORMATS
    min_side: int = 32
    max_side: int = 10_000
    max_bytes: int = 20_000_000
    max_aspect: float = 4.0
    near_duplicate_bits: int = 3
    min_pictures: int = 10
    max_quarantined: float = 0.2


@dataclass(frozen=True)
class ClassificationModel(Model):
    """A model that answers with one of its labels, and learns from folders of pictures.

    `parent` is the model that routes pictures to it; `children` are the models that it routes to, each a
    label by its name. `labels` are what it answers, in their order, each with the classes behind it: first
    the children, then its own. `data` is a prefix of the images bucket, a manifest there, or a manifest's
    s3 URI. `input_size` is in pixels. Below `top1_threshold` nothing is registered. `spot`: whether it is
    trained on spot instances, from checkpoints where it was interrupted.
    """

    task: ClassVar[Task] = "classification"

    parent: str | None = None
    children: tuple[str, ...] = ()
    labels: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    data: str = ""
    top1_threshold: float = 0.6
    epochs: int = 30
    input_size: int = 224
    spot: bool = False
    tuning: Tuning = field(default_factory=Tuning)
    quality: Quality = field(default_factory=Quality)

    @property
    def tree(self) -> str:
        """The name of its tree: that of its parent, or its own."""
        return self.parent or self.name


def read_classification(
    name: str, table: Table, *, parent: ClassificationModel | None, has_children: bool
) -> ClassificationModel:
    """Read `[models.NAME]` of a classifier, without its labels; its name, task and parent are taken."""
    model = ClassificationModel(
        name=name,
        classes=_classes(table, optional=has_children),
        **read_shared(table, min_score=_MIN_SCORE),
        parent=parent.name if parent else None,
        data=_place(table, parent.data if parent else f"images/{name}/"),
        top1_threshold=table.number("top1_threshold", ClassificationModel.top1_threshold),
        epochs=table.whole("epochs", ClassificationModel.epochs, low=1, high=10_000),
        input_size=_input_size(table),
        spot=table.flag("spot", False),
        tuning=_tuning(table.table("tuning", optional=True)),
        quality=_quality(table.table("quality", optional=True)),
    )
    table.end()
    if model.train_at_images and not model.data.endswith("/"):
        told = f"counts what is uploaded under a prefix, and data is the manifest {model.data!r}"
        raise table.wrong("train_at_images", f"{told}; train by the schedule, or by the runs API")
    return model


def _classes(table: Table, *, optional: bool) -> tuple[str, ...]:
    if not table.names("classes") and not optional:
        raise table.wrong("classes", "missing; only a parent, which other models name, may have none")
    classes = table.words("classes", ())
    for name in classes:
        if not re.fullmatch(_CLASS, name):
            rule = "1 to 64 characters without / \\ and commas, no dot or blank first, no blank last"
            raise table.wrong("classes", f"{name!r} is no name of a folder of pictures: {rule}")
    return classes


def _place(table: Table, default: str) -> str:
    place: str = table.text("data", default)
    if not re.fullmatch(_DATA, place):
        folder = "a folder of the images bucket, as images/plants/"
        manifest = "a manifest there, as images/plants/list.manifest or its s3:// URI"
        raise table.wrong("data", f"{place!r} is neither {folder}, nor {manifest}")
    return place


def _input_size(table: Table) -> int:
    size = table.whole("input_size", ClassificationModel.input_size, low=32, high=512)
    if size % 32:
        raise table.wrong("input_size", f"{size} is not a multiple of 32")
    return size


def _tuning(table: Table) -> Tuning:
    low, high = table.span("width", Tuning.width, low=4, high=512, whole=True)
    jobs = table.whole("jobs", Tuning.jobs, low=1, high=500)
    tuning = Tuning(
        strategy=cast(Strategy, table.text("strategy", Tuning.strategy, among=("random", "bayesian"))),
        jobs=jobs,
        parallel=table.whole("parallel", min(Tuning.parallel, jobs), low=1, high=100),
        share=table.number("share", Tuning.share, low=0.01),
        epochs=table.whole("epochs", Tuning.epochs, low=1, high=10_000),
        early_stopping=table.flag("early_stopping", Tuning.early_stopping),
        learning_rate=table.span("learning_rate", Tuning.learning_rate, low=1e-7, high=1),
        weight_decay=table.span("weight_decay", Tuning.weight_decay, low=1e-9, high=1),
        width=(int(low), int(high)),
    )
    table.end("unknown key; what is searched is learning_rate, weight_decay and width")
    if tuning.parallel > jobs:
        raise table.wrong("parallel", f"{tuning.parallel} is more than the {jobs} jobs that there are")
    return tuning


def _quality(table: Table) -> Quality:
    quality = Quality(
        formats=table.words("formats", Quality.formats, among=FORMATS),
        min_side=table.whole("min_side", Quality.min_side, low=1, high=100_000),
        max_side=table.whole("max_side", Quality.max_side, low=1, high=100_000),
        max_bytes=table.whole("max_bytes", Quality.max_bytes, low=1, high=1_000_000_000),
        max_aspect=table.number("max_aspect", Quality.max_aspect, low=1, high=1000),
        near_duplicate_bits=table.whole("near_duplicate_bits", Quality.near_duplicate_bits, low=0, high=16),
        min_pictures=table.whole("min_pictures", Quality.min_pictures, low=1, high=1_000_000),
        max_quarantined=table.number("max_quarantined", Quality.max_quarantined),
    )
    table.end()
    if quality.min_side > quality.max_side:
        raise table.wrong("min_side", f"{quality.min_side} is more than max_side {quality.max_side}")
    return quality
