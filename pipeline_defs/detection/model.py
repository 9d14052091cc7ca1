"""A compact anchor-free detector for small data sets and small devices.

Plain 3x3 convolutions (depthwise ones learn far more slowly from scratch), one output level of stride 8 that
is fed by three, and a distance to each side of the box in every cell, as in FCOS (Tian et al., 2019).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
WIDTHS = (16, 24, 48, 64, 80)
BLOCKS = (1, 2, 2, 2)
FEATURES = 48
HEAD_LAYERS = 2

# A new cell is an object with probability 0.01, as in RetinaNet (Lin et al., 2017), and some 3 cells wide.
_SCORE_BIAS = -4.6
_SIDE_BIAS = 1.2


class ConvUnit(nn.Sequential):  # type: ignore[misc]
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=0.03, eps=1e-3),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):  # type: ignore[misc]
    """A bottleneck of half the width, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = ConvUnit(channels, channels // 2, kernel=1)
        self.expand = ConvUnit(channels // 2, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Keep the shape."""
        expanded: Tensor = features + self.expand(self.squeeze(features))
        return expanded


class CompactDetector(nn.Module):  # type: ignore[misc]
    """Pictures (batch, 3, height, width) from 0 to 1 -> boxes and logits; sides are multiples of 32."""

    def __init__(self, class_count: int) -> None:
        super().__init__()
        self.stem = ConvUnit(3, WIDTHS[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvUnit(inputs, outputs, stride=2), *(Residual(outputs) for _ in range(blocks)))
            for inputs, outputs, blocks in zip(WIDTHS[:-1], WIDTHS[1:], BLOCKS, strict=True)
        )
        self.laterals = nn.ModuleList(ConvUnit(width, FEATURES, kernel=1) for width in WIDTHS[2:])
        self.fusions = nn.ModuleList((Residual(FEATURES), Residual(FEATURES)))
        self.score_head = _head(class_count, bias=_SCORE_BIAS)
        self.side_head = _head(4, bias=_SIDE_BIAS)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes (batch, cells, 4) as left, top, right, bottom in input pixels, and logits.

        Logits are (batch, cells, classes).
        """
        features = self._features(pictures)
        sides = self.side_head(features).clamp(-4.0, 4.0).exp() * STRIDE
        centres = cell_centres(features.shape[2], features.shape[3], features.device)
        sides = sides.flatten(2).transpose(1, 2)
        boxes = torch.cat((centres - sides[..., :2], centres + sides[..., 2:]), dim=-1)
        return boxes, self.score_head(features).flatten(2).transpose(1, 2)

    def _features(self, pictures: Tensor) -> Tensor:
        level = self.stem(pictures)
        levels: list[Tensor] = []
        for stage in self.stages:
            level = stage(level)
            levels.append(level)
        fine, middle, coarse = levels[1:]
        fused = functional.interpolate(self.laterals[2](coarse), scale_factor=2.0)
        fused = self.fusions[0](fused + self.laterals[1](middle))
        fused = functional.interpolate(fused, scale_factor=2.0)
        features: Tensor = self.fusions[1](fused + self.laterals[0](fine))
        return features


def cell_centres(rows: int, columns: int, device: torch.device | None = None) -> Tensor:
    """Return the centres (rows * columns, 2) of the output's cells as x, y in input pixels."""
    y, x = torch.meshgrid(
        torch.arange(rows, device=device), torch.arange(columns, device=device), indexing="ij"
    )
    return (torch.stack((x, y), dim=-1).reshape(-1, 2).float() + 0.5) * STRIDE


def output_shape(height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of cells for an input of this size in pixels."""
    return height // STRIDE, width // STRIDE


def _head(outputs: int, *, bias: float) -> nn.Sequential:
    last = nn.Conv2d(FEATURES, outputs, 1)
    nn.init.normal_(last.weight, 0.0, 0.01)
    nn.init.constant_(last.bias, bias)
    return nn.Sequential(*(ConvUnit(FEATURES, FEATURES) for _ in range(HEAD_LAYERS)), last)
