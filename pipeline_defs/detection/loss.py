"""What the detector is trained to do: which cell answers for which box, and how well.

Assignment is task-aligned (TOOD, Feng et al., 2021): the cells whose score and box already fit best learn the
box, and their target score is the quality of that fit. Boxes learn by GIoU (Rezatofighi et al., 2019).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CELLS_PER_BOX = 9
SCORE_POWER, IOU_POWER = 0.5, 4.0
BOX_WEIGHT = 2.0
EASY_NEGATIVE_POWER = 1.5
MIN_HALF_SIDE = 12.0  # pixels; a hairline's box holds hardly a cell's centre


@dataclass(frozen=True)
class Assignment:
    """The cells that answer (cells,) bool, the box each serves (cells,), and the target quality (cells,)."""

    answers: Tensor
    box_index: Tensor
    quality: Tensor


def iou_and_giou(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU of boxes (..., 4) as left, top, right, bottom, broadcast together."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = (first[..., 2:] - first[..., :2]).prod(-1) + (second[..., 2:] - second[..., :2]).prod(-1)
    union = areas - shared + 1e-7
    outer_low = torch.minimum(first[..., :2], second[..., :2])
    outer_high = torch.maximum(first[..., 2:], second[..., 2:])
    outer = (outer_high - outer_low).prod(-1) + 1e-7
    iou = shared / union
    return iou, iou - (outer - union) / outer


@torch.no_grad()  # type: ignore[untyped-decorator]
def assign(boxes: Tensor, logits: Tensor, targets: Tensor, centres: Tensor) -> Assignment:
    """Choose the cells for each target of one picture.

    boxes (cells, 4), logits (cells, classes), targets (n > 0, 5) as class, left, top, right, bottom.
    """
    true_boxes, labels = targets[:, 1:], targets[:, 0].long()
    iou, _ = iou_and_giou(true_boxes[:, None], boxes[None])
    scores = logits.sigmoid()[:, labels].T
    nearness, inside = _nearness(true_boxes, centres)
    alignment = (scores**SCORE_POWER * (iou + 1e-3) ** IOU_POWER * nearness + 1e-9) * inside
    values, cells = alignment.topk(min(CELLS_PER_BOX, alignment.shape[1]), dim=1)
    chosen = torch.zeros_like(inside).scatter_(1, cells, values > 0)
    box_index = torch.where(chosen, alignment, alignment.new_tensor(-1.0)).argmax(0)
    serves = chosen & (torch.arange(len(targets), device=boxes.device)[:, None] == box_index[None])
    own = alignment * serves
    best_iou = (iou * serves).amax(1, keepdim=True).clamp(min=0.05)
    quality = own / own.amax(1, keepdim=True).clamp(min=1e-12) * best_iou
    return Assignment(answers=chosen.any(0), box_index=box_index, quality=quality.sum(0))


def detection_loss(boxes: Tensor, logits: Tensor, targets: list[Tensor], centres: Tensor) -> Tensor:
    """Return the batch's loss, a scalar: boxes (batch, cells, 4), logits (batch, cells, classes)."""
    wanted = torch.zeros_like(logits)
    box_loss, weight = logits.new_zeros(()), logits.new_zeros(())
    for index, of_picture in enumerate(targets):
        if len(of_picture) == 0:
            continue
        assigned = assign(boxes[index], logits[index], of_picture, centres)
        answers, served = assigned.answers, assigned.box_index[assigned.answers]
        quality = assigned.quality[answers]
        wanted[index][answers, of_picture[served, 0].long()] = quality
        _, giou = iou_and_giou(boxes[index][answers], of_picture[served, 1:])
        box_loss = box_loss + ((1 - giou) * quality).sum()
        weight = weight + quality.sum()
    score_loss = _score_loss(logits, wanted)
    return (score_loss + BOX_WEIGHT * box_loss) / weight.clamp(min=1.0)


def _nearness(true_boxes: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Return how near each cell is to each box's centre (n, cells), 1 to 0, and whether it is inside."""
    middles = (true_boxes[:, :2] + true_boxes[:, 2:]) / 2
    half_sides = ((true_boxes[:, 2:] - true_boxes[:, :2]) / 2).clamp(min=MIN_HALF_SIDE)
    offsets = (centres[None] - middles[:, None]).abs() / half_sides[:, None]
    return torch.exp(-(offsets**2).sum(-1)), (offsets < 1).all(-1)


def _score_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Binary cross-entropy in which empty cells count the less, the surer the network is of them."""
    loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    easy = logits.detach().sigmoid() ** EASY_NEGATIVE_POWER
    return (loss * torch.where(wanted > 0, torch.ones_like(easy), easy)).sum()
