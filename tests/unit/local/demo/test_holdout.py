from pathlib import Path

import pytest

from local.demo.batch import Batch, Picture
from local.demo.boxes import Box
from local.demo.holdout import hold_out

SCRATCH = (Box("scratch", 1, 1, 5, 5),)


def batch(pictures, classes=("scratch",)):
    return Batch(classes, tuple(pictures))


def picture(number, group=None, boxes=SCRATCH, **fields):
    return Picture(f"{number}.jpg", Path(f"{number}.jpg"), f"sha-{number}", 60, 40, boxes, group, **fields)


def by_tens(pictures):
    return [int(picture.path.stem) // 10 for picture in pictures]


def one_each(pictures):
    return range(len(pictures))


def test_takes_whole_objects_and_uploads_the_rest():
    held = hold_out(batch(picture(n, group=f"tag {n // 3}") for n in range(300)), group=one_each, seed=1)

    assert 20 <= len(held.fresh) <= 24
    assert len(held.uploads) + len(held.fresh) == 300
    assert {p.group for p in held.fresh}.isdisjoint(p.group for p in held.uploads)
    assert held.note is None


def test_asks_for_the_objects_only_where_the_labels_do_not_say():
    asked = []

    def group(pictures):
        asked.extend(pictures)
        return by_tens(pictures)

    pictures = [picture(n, group="known" if n < 50 else None) for n in range(100)]
    held = hold_out(batch(pictures), group=group, seed=2)

    assert [p.name for p in asked] == [f"{n}.jpg" for n in range(50, 100)]
    assert len(set(by_tens(held.fresh))) == 1
    assert len(held.fresh) == 10


def test_the_seed_decides():
    pictures = [picture(n) for n in range(100)]
    first, again, other = (hold_out(batch(pictures), group=one_each, seed=seed).fresh for seed in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize(("number", "held"), [(12, 3), (40, 4), (100, 8), (1000, 24), (3, 0)])
def test_how_many(number, held):
    assert len(hold_out(batch(picture(n) for n in range(number)), group=one_each, seed=1).fresh) == held


def test_of_objects_with_many_pictures_the_smallest_goes_and_its_spare_pictures_are_named():
    sizes = (60, 40, 30, 50, 45)
    pictures = [picture(f"{g}-{n}", group=str(g)) for g, size in enumerate(sizes) for n in range(size)]

    held = hold_out(batch(pictures), group=one_each, seed=1)

    assert {p.group for p in held.fresh + held.left_out} == {"2"}
    assert (len(held.fresh), len(held.left_out)) == (24, 6)
    assert len(held.uploads) == 195


def test_with_too_few_objects_the_pictures_at_least_are_new_and_it_says_so():
    held = hold_out(batch(picture(n, group=str(n % 3)) for n in range(60)), group=one_each, seed=1)

    assert "3 objects" in held.note
    assert len(held.fresh) == 5
    assert len(held.uploads) == 55


def test_the_last_object_of_a_class_stays_in_training():
    rare = (Box("dent", 1, 1, 5, 5),)
    pictures = [picture(n, group=str(n), boxes=rare if n == 5 else SCRATCH) for n in range(16)]

    for seed in range(20):
        held = hold_out(batch(pictures, ("scratch", "dent")), group=one_each, seed=seed)
        assert any(p.boxes == rare for p in held.uploads)


def test_a_copy_of_a_held_out_picture_is_not_uploaded():
    pictures = [picture(n) for n in range(40)]
    copies = [Picture(f"copy-{p.name}", p.path, p.sha256, 60, 40, SCRATCH, same_as=p.name) for p in pictures]

    held = hold_out(batch(pictures + copies), group=one_each, seed=1)

    assert {p.sha256 for p in held.fresh}.isdisjoint(p.sha256 for p in held.uploads)
    assert not any(p.same_as for p in held.fresh)
