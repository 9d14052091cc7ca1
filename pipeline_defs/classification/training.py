"""Training by epochs: seeded, with averaged weights, resumable at any step, a line for each epoch."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline_defs.classification.batches import Batch, training_batches, validation_batches
from pipeline_defs.classification.checkpoints import Checkpoints
from pipeline_defs.classification.hyperparameters import Hyperparameters
from pipeline_defs.classification.labeled_pictures import LabeledPictures
from pipeline_defs.classification.network import CompactClassifier, LabelScores
from pipeline_defs.classification.sampling import epoch_order, split_batches
from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.common.averaged_weights import AveragedWeights
from pipeline_defs.common.optimizer import adamw_with_cosine, finite

LABEL_SMOOTHING = 0.1
WARM_UP_SHARE = 0.05  # of the steps
MAX_AVERAGE_DECAY = 0.995
MAX_GRADIENT_NORM = 5.0
# And one after each epoch. AWS's training toolkit does not pass SIGTERM on to the script (its issues 125 and
# 173 on GitHub), so this is what an interruption costs there.
SECONDS_BETWEEN_CHECKPOINTS = 120
# A short epoch is sooner trained again than its 25 MB are sent to S3.
KEPT_EPOCH_SECONDS = 30
VALIDATION_BATCH = 64
LEAST_SCORE = 1e-7  # what a loss is measured by: 0 has no logarithm


class Interrupted(Exception):  # noqa: N818 - an order, not an error
    """Training was told to end; the message says where it stood and whether that is kept."""


@dataclass(frozen=True)
class Place:
    """Where a run computes, where it keeps what it has reached, and how it learns that it has to end."""

    device: str = "cpu"
    threads: int = 1
    checkpoints: Checkpoints | None = None
    told_to_end: Callable[[], bool] = lambda: False


class Training:
    """One run: from the newest checkpoint, or from the start, to the last epoch.

    Deterministic for a seed, a machine type and a number of threads, interrupted or not.
    """

    def __init__(
        self,
        train: LabeledPictures,
        validation: LabeledPictures | None,
        *,
        settings: ClassificationSettings,
        chosen: Hyperparameters,
        place: Place,
    ) -> None:
        self._train, self._validation = train, validation
        self._size, self._chosen, self._place = settings.input_size, chosen, place
        torch.manual_seed(chosen.seed)
        classes = len(train.label_of_class)
        network = CompactClassifier(classes, width=chosen.width, input_size=self._size)
        self._network = network.to(place.device, memory_format=torch.channels_last)
        self._average = AveragedWeights(self._network, max_decay=MAX_AVERAGE_DECAY)
        self._batches = len(split_batches(np.arange(len(train)), chosen.batch_size))
        steps = self._batches * chosen.epochs
        self._optimizer, self._schedule = adamw_with_cosine(
            self._network,
            learning_rate=chosen.learning_rate,
            weight_decay=chosen.weight_decay,
            steps=steps,
            warm_up_steps=max(1, round(WARM_UP_SHARE * steps)),
        )
        self._step, self._epoch_loss = 0, 0.0
        self._kept = time.monotonic()

    def run(self) -> CompactClassifier:
        """Train to the end and return the averaged network; raises Interrupted when told to end before."""
        self._take_up()
        for epoch in range(self._step // self._batches, self._chosen.epochs):
            self._run_epoch(epoch)
            self._tell(epoch)
            self._epoch_loss = 0.0
            if self._since_kept() > KEPT_EPOCH_SECONDS:
                self._keep()
            # After the last epoch there is nothing left to do that would be worth a second start.
            if self._place.told_to_end() and epoch + 1 < self._chosen.epochs:
                self._end()
        network: CompactClassifier = self._average.network.to("cpu")
        return network

    def _run_epoch(self, epoch: int) -> None:
        chosen = self._chosen
        order = epoch_order(self._train.classes, seed=chosen.seed, epoch=epoch)
        batches = training_batches(
            self._train,
            split_batches(order, chosen.batch_size),
            size=self._size,
            seed=(chosen.seed, epoch),
            first=self._step - epoch * self._batches,
            threads=self._place.threads,
        )
        for batch in batches:
            self._epoch_loss += self._learn(batch)
            self._step += 1
            if self._step % self._batches == 0:
                return  # the epoch is told of and kept before anything else
            if self._place.told_to_end():
                self._end()
            if self._since_kept() > SECONDS_BETWEEN_CHECKPOINTS:
                self._keep()

    def _learn(self, batch: Batch) -> float:
        # Dropout draws from torch's own generator: seeded by the step, it needs no place in a checkpoint.
        torch.manual_seed(self._chosen.seed * 1_000_003 + self._step)
        self._network.train()
        pictures, classes = _tensors(batch, self._place.device)
        loss = functional.cross_entropy(self._network(pictures), classes, label_smoothing=LABEL_SMOOTHING)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), MAX_GRADIENT_NORM)
        self._optimizer.step()
        self._schedule.step()
        self._average.update(self._network)
        return finite(loss, self._step + 1, self._chosen.learning_rate)

    def _tell(self, epoch: int) -> None:
        line = f"epoch {epoch + 1}/{self._chosen.epochs} train:loss={self._epoch_loss / self._batches:.4f};"
        if self._validation is not None:
            top1, loss = validate(self._average.network, self._validation, self._size, self._place.device)
            line += f" validation:top1={top1:.4f}; validation:loss={loss:.4f};"
        print(line, flush=True)

    def _take_up(self) -> None:
        found = self._place.checkpoints.newest() if self._place.checkpoints else None
        if found is None:
            return
        self._step, state = found
        self._network.load_state_dict(state["network"])
        self._average.network.load_state_dict(state["average"])
        self._average.updates = state["updates"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._epoch_loss = state["epoch_loss"]

    def _since_kept(self) -> float:
        return time.monotonic() - self._kept

    def _keep(self) -> str:
        if self._place.checkpoints is None:
            return "there is no checkpoint folder, so nothing is kept"
        state: dict[str, Any] = {
            "network": self._network.state_dict(),
            "average": self._average.network.state_dict(),
            "updates": self._average.updates,
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "epoch_loss": self._epoch_loss,
        }
        self._kept = time.monotonic()
        return f"kept in {self._place.checkpoints.write(self._step, state)}"

    def _end(self) -> None:
        raise Interrupted(
            f"ended after step {self._step} of {self._batches * self._chosen.epochs}; {self._keep()}"
        )


def validate(
    network: CompactClassifier, pictures: LabeledPictures, size: int, device: str = "cpu"
) -> tuple[float, float]:
    """Return top-1 accuracy and mean cross-entropy of the labels over every picture."""
    hits, loss = 0, 0.0
    scored = LabelScores(network, pictures.label_of_class).eval().to(device)
    label_of_class = torch.tensor(pictures.label_of_class, device=device)
    with torch.no_grad():
        for batch in validation_batches(pictures, size=size, batch_size=VALIDATION_BATCH):
            views, classes = _tensors(batch, device)
            scores, labels = scored(views), label_of_class[classes]
            hits += int((scores.argmax(1) == labels).sum())
            loss += float(functional.nll_loss(scores.clamp_min(LEAST_SCORE).log(), labels, reduction="sum"))
    return hits / len(pictures), loss / len(pictures)


def run_identity(
    chosen: Hyperparameters, input_size: int, classes_sha256: str, records_sha256: str
) -> dict[str, str | int | float]:
    """Return all that decides what a run does: a checkpoint of another is not taken up."""
    return {**asdict(chosen), "input_size": input_size, "classes": classes_sha256, "records": records_sha256}


def _tensors(batch: Batch, device: str) -> tuple[Tensor, Tensor]:
    """Return pictures (n, 3, size, size) from 0 to 1, channels last in memory, and classes (n,)."""
    views = torch.from_numpy(batch.views).to(device).permute(0, 3, 1, 2)
    return views.float() / 255, torch.from_numpy(batch.classes).to(device)
