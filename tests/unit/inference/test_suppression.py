import numpy as np

from inference.suppression import box_iou, select, suppress


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def test_iou_of_known_pairs() -> None:
    first = boxes((0, 0, 10, 10), (0, 0, 0, 0))
    second = boxes((0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30))
    assert np.allclose(box_iou(first, second), [[1, 1 / 3, 0], [0, 0, 0]])


def test_the_better_of_two_overlapping_boxes_stays() -> None:
    found = boxes((0, 0, 10, 10), (0, 0, 10, 9), (30, 0, 40, 10))
    scores = np.array([0.5, 0.9, 0.4], dtype=np.float32)
    assert suppress(found, scores, max_iou=0.6, max_kept=10) == [1, 2]
    assert suppress(found, scores, max_iou=0.95, max_kept=10) == [1, 0, 2]
    assert suppress(found, scores, max_iou=0.6, max_kept=1) == [1]


def test_classes_do_not_suppress_each_other_and_the_best_come_first() -> None:
    dense = boxes((0, 0, 10, 10), (0, 0, 10, 9), (50, 50, 60, 60))
    scores = np.array([[0.3, 0.9], [0.8, 0.2], [0.04, 0.6]], dtype=np.float32)
    kept, found, classes = select(dense, scores, min_score=0.1, max_iou=0.6)
    assert np.allclose(found, [0.9, 0.8, 0.6])
    assert classes.tolist() == [1, 0, 1]
    assert kept[0].tolist() == [0, 0, 10, 10]
    assert kept[1].tolist() == [0, 0, 10, 9]


def test_nothing_above_the_score_gives_empty_arrays() -> None:
    kept, found, classes = select(boxes((0, 0, 1, 1)), np.array([[0.1]], dtype=np.float32), min_score=0.5)
    assert kept.shape == (0, 4)
    assert found.shape == classes.shape == (0,)


def test_limits_hold() -> None:
    dense = boxes(*[(20 * i, 0, 20 * i + 10, 10) for i in range(50)])
    scores = np.linspace(0.5, 0.9, 50, dtype=np.float32)[:, None]
    kept, found, _ = select(dense, scores, min_score=0.1, max_candidates=20, max_kept=7)
    assert len(kept) == 7
    assert np.allclose(found, scores[::-1, 0][:7])
