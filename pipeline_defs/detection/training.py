"""Training by a budget of steps: seeded, with averaged weights, and progress on stdout."""

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from inference.letterbox import place, to_blob
from inference.pictures import Picture
from inference.suppression import select
from pipeline_defs.common.averaged_weights import AveragedWeights
from pipeline_defs.common.optimizer import adamw_with_cosine, finite
from pipeline_defs.detection.augment import Targets, augment
from pipeline_defs.detection.dataset import LabeledPicture, Split
from pipeline_defs.detection.loss import detection_loss
from pipeline_defs.detection.model import CompactDetector, cell_centres, output_shape
from pipeline_defs.detection.scoring import (
    OPERATING_SCORE,
    PictureResult,
    Score,
    Scored,
    Truth,
    score_detections,
)
from pipeline_defs.detection.settings import InputSize, Settings

WARM_UP_STEPS = 30
MAX_GRADIENT_NORM = 10.0
MAX_AVERAGE_DECAY = 0.99
VALIDATIONS = 6  # evenly over the second half of the steps
MAX_CACHED_BYTES = 2 * 1024**3
VALIDATION_MIN_SCORE = 0.01


@dataclass(frozen=True)
class Trained:
    """The best averaged weights, and how they scored on the validation split."""

    network: CompactDetector
    validation: Score


class Canvases:
    """Pictures of a split as the network sees them, decoded once as long as memory allows."""

    def __init__(self, split: Split, size: InputSize) -> None:
        self._split, self._size = split, size
        self._cache: dict[int, tuple[Picture, Targets]] = {}
        self._room = MAX_CACHED_BYTES // (size.height * size.width * 3)

    def __len__(self) -> int:
        return len(self._split.pictures)

    def __getitem__(self, index: int) -> tuple[Picture, Targets]:
        """Return canvas (height, width, 3) and targets (n, 5) in canvas pixels."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        entry = self._load(self._split.pictures[index])
        if len(self._cache) < self._room:
            self._cache[index] = entry
        return entry

    def _load(self, labeled: LabeledPicture) -> tuple[Picture, Targets]:
        canvas, letterbox = place(
            self._split.load(labeled), input_width=self._size.width, input_height=self._size.height
        )
        targets = self._split.targets(labeled)
        boxes = letterbox.to_input(targets[:, 1:])
        return canvas, np.concatenate((targets[:, :1], boxes), axis=1)


def train_detector(train: Split, validation: Split, size: InputSize, settings: Settings) -> Trained:
    """Train from scratch; the weights that score best on the validation split are kept.

    Deterministic for a seed, a machine type and a thread count.
    """
    torch.manual_seed(settings.seed)
    network = CompactDetector(len(train.classes)).to(memory_format=torch.channels_last)
    average = AveragedWeights(network, max_decay=MAX_AVERAGE_DECAY)
    optimizer, schedule = adamw_with_cosine(
        network,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        steps=settings.steps,
        warm_up_steps=WARM_UP_STEPS,
    )
    batches = _batches(Canvases(train, size), settings.batch_size, np.random.default_rng(settings.seed))
    validated = Canvases(validation, size)
    checks = validation_steps(settings.steps)
    best: Trained | None = None
    progress = Progress(settings.steps)
    for step in range(1, settings.steps + 1):
        loss = _train_step(network, optimizer, *next(batches), size)
        schedule.step()
        average.update(network)
        progress.report(step, finite(loss, step, settings.learning_rate))
        if step in checks:
            score = evaluate_network(average.network, validated, train.classes)
            print(
                f"validation:map50={score.map50:.4f}; validation:map50_95={score.map50_95:.4f};", flush=True
            )
            if best is None or _fitness(score) > _fitness(best.validation):
                best = Trained(deepcopy(average.network), score)
    assert best is not None, "the last step is always validated"  # noqa: S101
    return best


def validation_steps(steps: int) -> frozenset[int]:
    """Return the steps after which the weights are validated; the last one is always among them."""
    first = steps / 2
    spread = (first + (steps - first) * index / (VALIDATIONS - 1) for index in range(VALIDATIONS))
    return frozenset({max(1, round(step)) for step in spread} | {steps})


def evaluate_network(network: CompactDetector, canvases: Canvases, classes: tuple[str, ...]) -> Score:
    """Score a network on canvases, in canvas pixels."""
    results = []
    for index in range(len(canvases)):
        canvas, targets = canvases[index]
        with torch.no_grad():
            boxes, logits = network(torch.from_numpy(to_blob(canvas)))
        kept, scores, labels = select(
            boxes[0].numpy(), logits[0].sigmoid().numpy(), min_score=VALIDATION_MIN_SCORE
        )
        found = [
            Scored(classes[label], float(score), tuple(box.tolist()))
            for box, score, label in zip(kept, scores, labels, strict=True)
        ]
        truth = [Truth(classes[int(row[0])], tuple(row[1:].tolist())) for row in targets]
        results.append(PictureResult(truth=truth, detections=found))
    return score_detections(results, classes, operating_score=OPERATING_SCORE)


class Progress:
    """A line now and then: how far, how good, how long still."""

    def __init__(self, steps: int) -> None:
        self._steps, self._every = steps, max(1, steps // 50)
        self._started = time.monotonic()
        self._loss: float | None = None

    def report(self, step: int, loss: float) -> None:
        """Print every 2 % of the steps, with the loss smoothed."""
        self._loss = loss if self._loss is None else 0.95 * self._loss + 0.05 * loss
        if step % self._every and step != self._steps:
            return
        elapsed = time.monotonic() - self._started
        eta = elapsed / step * (self._steps - step)
        print(
            f"step {step}/{self._steps} loss {self._loss:.3f} elapsed {elapsed:.0f}s eta {eta:.0f}s",
            flush=True,
        )


def _batches(canvases: Canvases, batch_size: int, rng: Generator) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Yield augmented batches for ever; every picture once before any comes again."""
    waiting: list[int] = []
    while True:
        pictures, targets = [], []
        for _ in range(batch_size):
            if not waiting:
                waiting = rng.permutation(len(canvases)).tolist()
            view, moved = augment(*canvases[waiting.pop()], rng)
            pictures.append(view)
            targets.append(torch.from_numpy(moved))
        yield _to_tensor(pictures), targets


def _to_tensor(pictures: list[Picture]) -> Tensor:
    planes = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return planes.contiguous(memory_format=torch.channels_last).float() / 255


def _train_step(
    network: CompactDetector,
    optimizer: torch.optim.Optimizer,
    pictures: Tensor,
    targets: list[Tensor],
    size: InputSize,
) -> Tensor:
    network.train()
    boxes, logits = network(pictures)
    loss = detection_loss(boxes, logits, targets, cell_centres(*output_shape(size.height, size.width)))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return loss


def _fitness(score: Score) -> float:
    return (score.map50 + score.map50_95) / 2
