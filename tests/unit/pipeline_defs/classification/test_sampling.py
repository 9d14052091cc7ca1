import numpy as np
import pytest

from pipeline_defs.classification.sampling import choose_share, epoch_order, split_batches


def labels_of(*counts: int) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def test_where_labels_have_equally_many_pictures_each_comes_once() -> None:
    order = epoch_order(labels_of(20, 20, 20), seed=1, epoch=0)
    assert sorted(order) == list(range(60))
    assert list(order) != sorted(order)


def test_rare_labels_come_more_often_and_no_picture_twice_before_all_came_once() -> None:
    labels = labels_of(900, 100, 25, 0, 1)
    order = epoch_order(labels, seed=1, epoch=0)
    shown = np.bincount(labels[order], minlength=5)
    assert len(order) == len(labels)
    # Shares go with the square root of the counts: 30 : 10 : 5 : 0 : 1.
    assert shown.tolist() == [669, 223, 112, 0, 22]
    times = np.bincount(order, minlength=len(labels))
    for label in (0, 1, 2, 4):
        mine = times[labels == label]
        assert mine.max() - mine.min() <= 1


def test_seed_and_epoch_decide_the_order() -> None:
    labels = labels_of(30, 10)
    first = epoch_order(labels, seed=1, epoch=0)
    assert np.array_equal(first, epoch_order(labels, seed=1, epoch=0))
    assert not np.array_equal(first, epoch_order(labels, seed=1, epoch=1))
    assert not np.array_equal(first, epoch_order(labels, seed=2, epoch=0))


@pytest.mark.parametrize(
    ("pictures", "size", "sizes"),
    [(64, 32, [32, 32]), (65, 32, [33, 32]), (40, 32, [40]), (5, 32, [5]), (90, 32, [30, 30, 30])],
)
def test_no_batch_is_a_small_rest(pictures: int, size: int, sizes: list[int]) -> None:
    batches = split_batches(np.arange(pictures), size)
    assert [len(batch) for batch in batches] == sizes
    assert np.concatenate(batches).tolist() == list(range(pictures))


def test_a_share_is_of_every_label_and_the_same_for_all() -> None:
    labels, ids = labels_of(40, 10, 1), np.arange(1000, 1051)
    half = choose_share(labels, ids, 0.5)
    assert np.bincount(labels[half]).tolist() == [20, 5, 1]
    assert np.array_equal(half, choose_share(labels, ids, 0.5))
    turned = np.arange(50, -1, -1)
    assert set(ids[half]) == set(ids[turned][choose_share(labels[turned], ids[turned], 0.5)])
