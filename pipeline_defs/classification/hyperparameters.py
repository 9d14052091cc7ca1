"""What a training run is told beside its model's settings. Needs no torch."""

from dataclasses import asdict, dataclass
from math import isfinite

from pipeline_defs.common.job import JobError

_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Hyperparameters:
    """The defaults are those of docs/adr/0035-training-classifiers.md; `share` is of the training side."""

    seed: int
    epochs: int
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    width: int = 24
    share: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name not in ("seed", "weight_decay") and value <= 0:
                raise JobError(f"--{name.replace('_', '-')} {value}: must be more than 0")
        if self.weight_decay < 0 or self.seed < 0:
            raise JobError("--weight-decay and --seed: must not be less than 0")
        if not (isfinite(self.learning_rate) and isfinite(self.weight_decay)):
            raise JobError("--learning-rate and --weight-decay: must be numbers")
        if self.seed > _LARGEST_SEED:
            raise JobError(f"--seed {self.seed}: must not be more than {_LARGEST_SEED}")
        if self.share > 1:
            raise JobError(f"--share {self.share}: must not be more than 1, which is the whole training side")
