"""Averaged weights: steadier than those of the last step."""

from copy import deepcopy

import torch
from torch import nn


class AveragedWeights:
    """Exponential moving average of a network's weights, fast at first (as in Polyak averaging)."""

    def __init__(self, network: nn.Module, *, max_decay: float) -> None:
        self.network = deepcopy(network).eval()
        self.updates = 0
        self._max_decay = max_decay

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def update(self, network: nn.Module) -> None:
        """Move towards the network's present weights."""
        self.updates += 1
        decay = min(self._max_decay, (1 + self.updates) / (10 + self.updates))
        for average, value in zip(
            self.network.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if value.dtype.is_floating_point:
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
