import cv2
import numpy as np
import pytest

from pipeline_defs.classification.augment import augment, random_cut, relight


def ramp(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack((x * 255 / width, y * 255 / height, np.full_like(x, 128)), axis=2).astype(np.uint8)


@pytest.mark.parametrize("shape", [(37, 37), (37, 120), (500, 37), (1, 1)])
def test_a_view_has_the_inputs_size_whatever_the_picture(shape: tuple[int, int]) -> None:
    view = augment(ramp(*shape), 32, np.random.default_rng(1))
    assert view.shape == (32, 32, 3)
    assert view.dtype == np.uint8


def test_the_same_generator_gives_the_same_view_and_another_another() -> None:
    picture = ramp(64, 80)
    first, again, other = (augment(picture, 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_views_are_mirrored_sideways_and_never_upside_down() -> None:
    """Red grows to the right and green downwards: their slopes in a view tell how it lies."""
    across, down = [], []
    for seed in range(60):
        matrix = random_cut(height=64, width=64, size=32, rng=np.random.default_rng(seed))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        view = cv2.warpAffine(ramp(64, 64), matrix, (32, 32), flags=flags).astype(float)
        across.append(view[16, 20, 0] > view[16, 12, 0])
        down.append(view[20, 16, 1] > view[12, 16, 1])
    assert all(down)
    assert 15 < sum(across) < 45


def test_a_cut_lies_in_the_picture_and_keeps_a_fair_part_of_it() -> None:
    for seed in range(100):
        matrix = random_cut(height=60, width=90, size=32, rng=np.random.default_rng(seed))
        centre = matrix @ [15.5, 15.5, 1]
        assert 0 < centre[0] < 90
        assert 0 < centre[1] < 60
        area = abs(np.linalg.det(matrix[:, :2])) * 32 * 32
        assert 0.4 < area / (60 * 90) <= 1.001


def test_light_changes_and_a_place_does_not_move() -> None:
    view = np.zeros((8, 8, 3), dtype=np.uint8)
    view[2, 5] = (200, 100, 50)
    lit = relight(view, np.random.default_rng(3))
    assert lit[2, 5].any()
    assert not np.array_equal(lit[2, 5], view[2, 5])
    lit[2, 5] = 0
    assert not lit.any()
