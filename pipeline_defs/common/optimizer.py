"""AdamW, without decay on biases and norms; warm-up and half a cosine; the end of what diverges."""

import math

import torch
from torch import Tensor, nn

from pipeline_defs.common.job import JobError

FINAL_RATE_SHARE = 0.02


def adamw_with_cosine(
    network: nn.Module, *, learning_rate: float, weight_decay: float, steps: int, warm_up_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return the optimizer, and the schedule to step after each of its `steps` steps."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}],
        lr=learning_rate,
    )

    def rate(step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
        return min(1.0, (step + 1) / warm_up_steps) * (FINAL_RATE_SHARE + (1 - FINAL_RATE_SHARE) * cosine)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def finite(loss: Tensor, step: int, learning_rate: float) -> float:
    """Return a step's loss; raises JobError where it is no number, since it will not be one again."""
    value = float(loss.detach())
    if not math.isfinite(value):
        raise JobError(
            f"training diverged: after step {step} the loss is {value}; "
            f"take a lower learning rate than {learning_rate:g}"
        )
    return value
