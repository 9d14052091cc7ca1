import io
import itertools

import numpy as np
import pytest
from PIL import Image

from local.demo.synthetic import HEIGHT, WIDTH, draw_tag, fresh_pictures, photograph, training_pictures


def test_same_seed_gives_the_same_pictures_and_another_seed_others():
    first, again, other = (list(training_pictures(seed, 6)) for seed in (3, 3, 4))

    assert [picture.encoded() for picture in first] == [picture.encoded() for picture in again]
    assert [picture.boxes for picture in first] == [picture.boxes for picture in again]
    assert all(not np.array_equal(one.pixels, two.pixels) for one, two in zip(first, other, strict=True))


def test_a_smaller_batch_is_the_beginning_of_a_larger_one():
    assert [p.name for p in training_pictures(1, 5)] == [p.name for p in training_pictures(1, 9)][:5]


def test_pictures_of_one_tag_share_a_group_and_differ():
    pictures = list(training_pictures(5, 40))
    groups = {
        group: list(members)
        for group, members in itertools.groupby(pictures, key=lambda picture: picture.group)
    }

    assert len({picture.name for picture in pictures}) == 40
    assert {len(members) for members in groups.values()} == {1, 2, 3}
    repeated = next(members for members in groups.values() if len(members) > 1 and members[0].boxes)
    assert len(repeated[0].boxes) == len(repeated[1].boxes)
    assert repeated[0].boxes != repeated[1].boxes


def test_boxes_lie_in_the_picture_around_something_brighter_than_the_metal():
    for picture in training_pictures(11, 25):
        assert picture.pixels.shape == (HEIGHT, WIDTH)
        assert picture.pixels.dtype == np.uint8
        metal = np.median(picture.pixels)
        for box in picture.boxes:
            assert box.label == "scratch"
            assert min(box.left, box.top) >= 0
            assert max(box.right - WIDTH, box.bottom - HEIGHT) <= 0.1  # rounded to a tenth
            inside = picture.pixels[int(box.top) : int(box.bottom) + 1, int(box.left) : int(box.right) + 1]
            assert inside.max() > metal + 12


def test_a_batch_has_clean_tags_and_tags_with_several_scratches():
    counts = [len(picture.boxes) for picture in training_pictures(2, 80)]

    assert counts.count(0) >= 2
    assert max(counts) >= 3


def test_the_box_follows_the_pose():
    rng = np.random.default_rng(8)
    tag = draw_tag(rng, clean_share=0.0)
    (_, here), (_, there) = photograph(tag, rng), photograph(tag, rng)

    assert len(here) == len(there) == len(tag.scratches) > 0
    moved = [(b.left - a.left, b.top - a.top) for a, b in zip(here, there, strict=True)]
    assert any(abs(dx) > 0.5 or abs(dy) > 0.5 for dx, dy in moved)


def test_fresh_pictures_show_other_tags_and_hard_ones_are_faint():
    fresh = list(fresh_pictures(7, 30, hard_share=0.5))
    trained = {picture.encoded() for picture in training_pictures(7, 30)}

    assert trained.isdisjoint(picture.encoded() for picture in fresh)
    hard = [picture for picture in fresh if picture.hard]
    assert 5 <= len(hard) <= 25
    assert all(picture.boxes for picture in hard)
    assert _contrast(hard) < _contrast([picture for picture in fresh if picture.boxes and not picture.hard])


@pytest.mark.parametrize(("extension", "format_name"), [(".jpg", "JPEG"), (".png", "PNG")])
def test_the_file_is_what_its_name_says(extension, format_name):
    picture = next(picture for picture in training_pictures(1, 20) if picture.name.endswith(extension))

    with Image.open(io.BytesIO(picture.encoded())) as image:
        assert image.format == format_name
        assert image.size == (WIDTH, HEIGHT)


def _contrast(pictures):
    values = []
    for picture in pictures:
        metal = np.median(picture.pixels)
        values += [
            float(
                np.percentile(picture.pixels[int(b.top) : int(b.bottom), int(b.left) : int(b.right)], 95)
                - metal
            )
            for b in picture.boxes
        ]
    return np.mean(values)
