"""The median stopping rule: when a training job is unlikely to do better than those before it.

Source: SageMaker's developer guide, "Stop Training Jobs Early". It compares a job's objective after an epoch
with the median of the running averages, up to that epoch, of the jobs before. How many it wants to have seen
is not documented: here three that have completed, and a quarter of the epochs of a middling one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

_COMPLETED = 3
_SHARE_OF_EPOCHS = 0.25


def hopeless(values: Sequence[float], completed: Sequence[Sequence[float]], *, maximize: bool) -> bool:
    """Whether to stop a job that printed `values`, one an epoch; those before are `completed`."""
    seen = [others for others in completed if others]
    if len(seen) < _COMPLETED or not values:
        return False
    if len(values) < math.ceil(_SHARE_OF_EPOCHS * median(len(others) for others in seen)):
        return False
    bar = median(fmean(others[: len(values)]) for others in seen)
    return values[-1] < bar if maximize else values[-1] > bar
