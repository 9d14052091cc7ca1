"""What people do wrong when they draw boxes, at a set rate and from a seed."""

from collections.abc import Sequence

import numpy as np

from local.demo.boxes import Box, overlap

SEEN_AS_WRONG = 0.5  # a box that overlaps the truth less than this is in the wrong place


def make_mistake(rng: np.random.Generator, truth: Sequence[Box], task_classes: Sequence[str],
                 width: int, height: int) -> tuple[Box, ...]:  # fmt: skip
    """Return `truth` with one mistake in it: a box missing, shifted, of a wrong class, or too many."""
    kinds = ["extra"]
    if truth:
        kinds += ["missing", "shifted"]
        if len(task_classes) > 1:
            kinds.append("class")
    kind = rng.choice(kinds)
    boxes = list(truth)
    if kind == "extra":
        return (*boxes, _extra(rng, truth, task_classes, width, height))
    chosen = int(rng.integers(len(boxes)))
    if kind == "missing":
        del boxes[chosen]
    elif kind == "shifted":
        boxes[chosen] = _shifted(boxes[chosen], width, height)
    else:
        box = boxes[chosen]
        others = [name for name in task_classes if name != box.label]
        boxes[chosen] = Box(str(rng.choice(others)), box.left, box.top, box.width, box.height)
    return tuple(boxes)


def _extra(
    rng: np.random.Generator, truth: Sequence[Box], classes: Sequence[str], width: int, height: int
) -> Box:
    label = str(rng.choice(list(classes))) if classes else truth[0].label
    extent_x, extent_y = width * rng.uniform(0.08, 0.2), height * rng.uniform(0.08, 0.2)
    left, top = rng.uniform(0, width - extent_x), rng.uniform(0, height - extent_y)
    return Box(label, *(round(float(value), 1) for value in (left, top, extent_x * 0.99, extent_y * 0.99)))


def _shifted(box: Box, width: int, height: int) -> Box:
    """Move a box by most of its size, to where there is room; one that fills the picture shrinks."""
    step_x, step_y = box.width * 0.6, box.height * 0.6
    for dx, dy in ((step_x, step_y), (-step_x, step_y), (step_x, -step_y), (-step_x, -step_y)):
        moved = Box(box.label, box.left + dx, box.top + dy, box.width, box.height).clipped(width, height)
        if moved.width >= 1 and moved.height >= 1 and overlap(moved, box) < SEEN_AS_WRONG:
            return moved
    return Box(box.label, box.left, box.top, box.width / 2, box.height / 2)


def what_is_wrong(
    truth: Sequence[Box], answer: Sequence[Box], pairs: Sequence[tuple[int, int]]
) -> str | None:
    """Say in one line why an answer is rejected, given the pairs that agree; None where all do."""
    missing = len(truth) - len(pairs)
    surplus = len(answer) - len(pairs)
    if not missing and not surplus:
        return None
    if missing and surplus:
        return f"{min(missing, surplus)} of the boxes are in the wrong place or of the wrong class"
    return f"{missing} of {len(truth)} objects have no box" if missing else f"{surplus} boxes show nothing"
