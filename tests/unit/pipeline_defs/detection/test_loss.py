import pytest
import torch
from torch import Tensor

from pipeline_defs.detection.loss import CELLS_PER_BOX, assign, detection_loss, iou_and_giou
from pipeline_defs.detection.model import cell_centres

CENTRES = cell_centres(8, 12)  # an input of 64x96


def boxes_of_half_side(half: float) -> Tensor:
    return torch.cat((CENTRES - half, CENTRES + half), dim=-1)


def test_iou_and_giou_of_known_pairs() -> None:
    box = torch.tensor([0.0, 0.0, 10.0, 10.0])
    others = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    iou, giou = iou_and_giou(box, others)
    assert iou.tolist() == pytest.approx([1, 1 / 3, 0], abs=1e-6)
    assert giou.tolist() == pytest.approx([1, 1 / 3, -1 / 3], abs=1e-6)


def test_only_cells_near_a_box_answer_for_it() -> None:
    targets = torch.tensor([[0.0, 20.0, 20.0, 44.0, 44.0]])
    assigned = assign(boxes_of_half_side(12), torch.zeros(96, 2), targets, CENTRES)
    answering = CENTRES[assigned.answers]
    assert 1 <= len(answering) <= CELLS_PER_BOX
    assert ((answering - 32).abs() < 12).all()
    best = assigned.quality.argmax()
    assert (CENTRES[best] - 32).abs().max() <= 4
    assert assigned.quality.max() == pytest.approx(
        float(iou_and_giou(boxes_of_half_side(12), targets[0, 1:])[0].max())
    )


def test_a_cell_serves_one_box() -> None:
    targets = torch.tensor([[0.0, 8.0, 8.0, 40.0, 40.0], [1.0, 16.0, 16.0, 48.0, 48.0]])
    assigned = assign(boxes_of_half_side(16), torch.zeros(96, 2), targets, CENTRES)
    served = assigned.box_index[assigned.answers]
    assert set(served.tolist()) == {0, 1}
    assert (assigned.quality <= 1).all()


def test_a_hairline_gets_a_cell() -> None:
    targets = torch.tensor([[0.0, 30.0, 30.0, 31.0, 31.0]])
    assert assign(boxes_of_half_side(12), torch.zeros(96, 1), targets, CENTRES).answers.any()


def test_a_right_answer_costs_less_than_a_wrong_one() -> None:
    target = torch.tensor([[1.0, 20.0, 20.0, 44.0, 44.0]])
    right = torch.full((1, 96, 2), -8.0)
    boxes = boxes_of_half_side(12)[None]
    answers = assign(boxes[0], right[0], target, CENTRES).answers
    right[0, answers, 1] = 1.0
    wrong = right.flip(-1)
    assert detection_loss(boxes, right, [target], CENTRES) < detection_loss(boxes, wrong, [target], CENTRES)
    shifted = detection_loss(boxes + 6, right, [target], CENTRES)
    assert detection_loss(boxes, right, [target], CENTRES) < shifted


def test_an_empty_picture_teaches_silence() -> None:
    boxes = boxes_of_half_side(12)[None].requires_grad_()
    logits = torch.zeros(1, 96, 2, requires_grad=True)
    loss = detection_loss(boxes, logits, [torch.zeros(0, 5)], CENTRES)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad > 0).all()
