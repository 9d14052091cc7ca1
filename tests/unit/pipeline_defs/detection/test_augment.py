import numpy as np

from pipeline_defs.detection.augment import augment, move_targets, random_affine


def test_boxes_stay_on_their_objects() -> None:
    canvas = np.zeros((128, 192, 3), dtype=np.uint8)
    canvas[50:80, 60:120] = 255
    targets = np.array([[1, 60, 50, 120, 80]], dtype=np.float32)
    rng = np.random.default_rng(3)
    for _ in range(40):
        matrix = random_affine(height=128, width=192, rng=rng)
        moved = move_targets(targets, matrix, height=128, width=192)
        corners = np.array([[60, 50], [120, 80]]) @ matrix[:, :2].T + matrix[:, 2]
        low, high = corners.min(0).clip(0, [192, 128]), corners.max(0).clip(0, [192, 128])
        assert len(moved) == 1
        assert moved[0].tolist() == np.float32([1, *low, *high]).tolist()


def test_the_bright_object_is_inside_its_moved_box() -> None:
    canvas = np.zeros((128, 192, 3), dtype=np.uint8)
    canvas[50:80, 60:120] = 255
    targets = np.array([[0, 60, 50, 120, 80]], dtype=np.float32)
    rng = np.random.default_rng(5)
    for _ in range(20):
        view, moved = augment(canvas, targets, rng)
        assert view.shape == canvas.shape
        left, top, right, bottom = moved[0, 1:]
        inside = view[int(top) + 2 : int(bottom) - 2, int(left) + 2 : int(right) - 2]
        assert inside.min() > 140


def test_what_leaves_the_canvas_is_dropped_and_what_is_cut_is_cut() -> None:
    targets = np.array([[0, 0, 0, 10, 10], [1, 90, 50, 130, 70]], dtype=np.float32)
    matrix = np.array([[1.0, 0, 50], [0, 1, -7]])
    moved = move_targets(targets, matrix, height=100, width=160)
    assert moved.tolist() == [[1, 140, 43, 160, 63]]


def test_no_target_stays_no_target() -> None:
    view, moved = augment(
        np.zeros((64, 64, 3), np.uint8), np.zeros((0, 5), np.float32), np.random.default_rng(0)
    )
    assert moved.shape == (0, 5)
    assert view.dtype == np.uint8
