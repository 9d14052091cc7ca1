import numpy as np
import pytest
from PIL import Image

from inference.centre_view import centre_view, short_side


@pytest.mark.parametrize(("size", "short"), [(224, 256), (96, 110), (64, 74), (32, 36), (512, 586)])
def test_the_short_side_is_about_eight_sevenths_of_the_input(size: int, short: int) -> None:
    assert short_side(size) == short


def test_a_picture_of_the_right_short_side_is_only_cut() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (256, 300, 3), dtype=np.uint8)
    assert np.array_equal(centre_view(picture, 224), picture[16:240, 38:262])


def test_a_large_picture_looks_as_if_scaled_whole_and_then_cut() -> None:
    ramp = np.linspace(0, 255, 1024, dtype=np.uint8)
    picture = np.stack(
        (np.tile(ramp, (512, 1)), np.tile(ramp[:512, None], (1, 1024)), np.zeros((512, 1024))), 2
    )
    picture = picture.astype(np.uint8)
    whole = np.asarray(Image.fromarray(picture).resize((512, 256), Image.Resampling.BILINEAR))
    expected = whole[16:240, 144:368].astype(int)
    assert np.abs(centre_view(picture, 224).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 60_000), (60_000, 2), (50, 50), (255, 256)])
def test_any_picture_gives_the_input_and_no_more_memory_than_it(shape: tuple[int, int]) -> None:
    view = centre_view(np.full((*shape, 3), 77, dtype=np.uint8), 64)
    assert view.shape == (64, 64, 3)
    assert view.dtype == np.uint8
    assert (view == 77).all()
