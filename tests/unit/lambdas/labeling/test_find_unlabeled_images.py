from collections.abc import Iterator
from dataclasses import replace

import pytest

from lambdas.labeling.find_unlabeled_images import Listed, UnknownModel, classes_of, open_images
from lambdas.labeling.image_ledger import FREE, IN_ROUND, LABELED, QUARANTINED, Entry

LIVE, DEAD, THIS = "execution:live", "execution:dead", "execution:this"


def is_running(execution: str) -> bool:
    return execution != DEAD


def taken(objects: list[Listed], entries: list[Entry]) -> list[str]:
    return [found.key for found, _ in open_images(objects, entries, THIS, is_running)]


@pytest.mark.parametrize(
    ("status", "execution", "is_open"),
    [
        (LABELED, LIVE, False),
        (QUARANTINED, LIVE, False),
        (FREE, LIVE, True),
        (IN_ROUND, LIVE, False),
        (IN_ROUND, DEAD, True),
        (IN_ROUND, THIS, False),
        (LABELED, DEAD, False),
    ],
)
def test_an_image_is_open_by_its_status(status: str, execution: str, is_open: bool) -> None:
    entry = Entry("a", '"1"', status, execution)
    assert taken([Listed("a", '"1"', 5)], [entry]) == (["a"] if is_open else [])


@pytest.mark.parametrize("status", [LABELED, QUARANTINED, FREE])
def test_an_overwritten_image_is_a_new_one(status: str) -> None:
    assert taken([Listed("a", '"2"', 5)], [Entry("a", '"1"', status, LIVE)]) == ["a"]


def test_an_image_that_is_overwritten_in_its_round_is_left_to_the_round() -> None:
    assert taken([Listed("a", '"2"', 5)], [Entry("a", '"1"', IN_ROUND, LIVE)]) == []


def test_listing_and_ledger_are_walked_side_by_side() -> None:
    keys = ["images/a", "images/a-b", "images/a/b", "images/ä", "images/\U0001f3f7"]
    assert keys == sorted(keys, key=str.encode)
    labeled = Entry("", '"1"', LABELED, LIVE)
    entries = [replace(labeled, key=key) for key in ("images/a-b", "images/a.gone", "images/ä")]
    objects = [Listed(key, '"1"', 5) for key in keys]
    assert taken(objects, entries) == ["images/a", "images/a/b", "images/\U0001f3f7"]


def test_the_walk_is_linear_and_keeps_nothing() -> None:
    entries_read = 0

    def entries() -> Iterator[Entry]:
        nonlocal entries_read
        for number in range(50_000):
            entries_read += 1
            yield Entry(f"{number:06}", '"1"', LABELED, LIVE)

    walk = open_images((Listed(f"{n:06}x", '"1"', 5) for n in range(50_000)), entries(), THIS, is_running)
    assert next(walk)[0].key == "000000x"
    assert entries_read == 2
    assert sum(1 for _ in walk) == 49_999
    assert entries_read == 50_000


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModel, match="'tag' is not a model; start the execution with one of tags, pcb"):
        classes_of("tag", {"tags": ["scratch"], "pcb": ["open"]})
