"""A compact residual network for a few thousand pictures, trained from scratch.

Plain 3x3 convolutions in four stages, each of twice the channels and half the side of the one before, with
identity shortcuts (He et al., 2016). It learns classes; the scores of labels are sums of theirs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = 4
BLOCKS = (1, 1, 1, 1)
DROPOUT = 0.1
# From this input on the stem halves twice: the stages see a quarter of the side, and cost a quarter.
LARGE_INPUT = 160  # pixels
# ImageNet's: near enough to any photos, and the first normalisation layer takes up the rest.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class ConvUnit(nn.Sequential):  # type: ignore[misc]
    """Convolution and batch normalisation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)
        )


class Residual(nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.first = ConvUnit(inputs, outputs, stride=stride)
        self.second = ConvUnit(outputs, outputs)
        # A block starts as its shortcut, so that a deep network starts as a shallow one.
        nn.init.zeros_(self.second[1].weight)
        self.shortcut = (
            nn.Identity()
            if inputs == outputs and stride == 1
            else nn.Sequential(nn.AvgPool2d(stride), ConvUnit(inputs, outputs, kernel=1))
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return `outputs` channels, each side divided by `stride`."""
        added: Tensor = self.second(torch.relu(self.first(features))) + self.shortcut(features)
        return torch.relu(added)


class CompactClassifier(nn.Module):  # type: ignore[misc]
    """Pictures (batch, 3, S, S) from 0 to 1 -> logits (batch, classes); S is a multiple of 32.

    `width` is the channels of the first stage; time and parameters grow with its square.
    """

    def __init__(self, class_count: int, *, width: int, input_size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))
        stem: list[nn.Module] = [ConvUnit(3, width, stride=2), nn.ReLU()]
        if input_size >= LARGE_INPUT:
            stem.append(nn.MaxPool2d(2))
        self.stem = nn.Sequential(*stem)
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(STAGES):
            outputs = width * 2**stage
            for block in range(BLOCKS[stage]):
                stride = 2 if stage and not block else 1
                blocks.append(Residual(inputs, outputs, stride=stride))
                inputs = outputs
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(inputs, class_count))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits."""
        features = self.stages(self.stem((pictures - self.mean) / self.deviation))
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits


class LabelScores(nn.Module):  # type: ignore[misc]
    """Pictures (batch, 3, S, S) from 0 to 1 -> scores (batch, labels) that add up to 1.

    `label_of_class` is the index of each class's label: a label's score is the sum of its classes'.
    """

    def __init__(self, network: CompactClassifier, label_of_class: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        members = functional.one_hot(torch.tensor(label_of_class)).float()
        summed = len(members) > members.shape[1]  # else each class is a label
        self.register_buffer("members", members if summed else None)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return scores."""
        scores = torch.softmax(self.network(pictures), dim=1)
        return scores if self.members is None else scores @ self.members
