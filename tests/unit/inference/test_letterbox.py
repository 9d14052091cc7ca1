import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.letterbox import Letterbox, place, to_blob
from inference.pictures import BACKGROUND

SIDES = st.integers(min_value=1, max_value=5000)


@given(width=SIDES, height=SIDES, input_width=st.integers(8, 640), input_height=st.integers(8, 640))
def test_the_picture_lies_inside_the_input_and_touches_two_sides(
    width: int, height: int, input_width: int, input_height: int
) -> None:
    box = Letterbox.fit(width=width, height=height, input_width=input_width, input_height=input_height)
    assert box.left >= 0
    assert box.left + box.width <= input_width
    assert box.top >= 0
    assert box.top + box.height <= input_height
    assert box.width == input_width or box.height == input_height


@given(width=SIDES, height=SIDES, data=st.data())
def test_boxes_come_back_to_where_they_were(width: int, height: int, data: st.DataObject) -> None:
    letterbox = Letterbox.fit(width=width, height=height, input_width=320, input_height=224)
    corner = st.floats(0, 1, width=32)
    unit = np.array(
        data.draw(st.lists(st.tuples(corner, corner, corner, corner), min_size=1)), dtype=np.float32
    )
    boxes = unit * np.array([width, height, width, height], dtype=np.float32)
    back = letterbox.to_picture(letterbox.to_input(boxes))
    assert np.allclose(back, boxes, atol=1e-3 * max(width, height))


def test_the_whole_picture_becomes_the_whole_placed_area() -> None:
    picture = np.full((300, 450, 3), 250, dtype=np.uint8)
    canvas, letterbox = place(picture, input_width=320, input_height=224)
    assert canvas.shape == (224, 320, 3)
    inner = letterbox.to_input(np.array([[0, 0, 450, 300]], dtype=np.float32))[0]
    assert inner.tolist() == [0, 5, 320, 218]
    assert (canvas[5:218] == 250).all()
    assert (canvas[:5] == BACKGROUND).all()
    assert (canvas[218:] == BACKGROUND).all()


def test_blob_is_planar_rgb_from_0_to_1() -> None:
    canvas = np.zeros((4, 6, 3), dtype=np.uint8)
    canvas[1, 2] = (255, 51, 0)
    blob = to_blob(canvas)
    assert blob.shape == (1, 3, 4, 6)
    assert blob.dtype == np.float32
    assert np.allclose(blob[0, :, 1, 2], [1, 0.2, 0])
