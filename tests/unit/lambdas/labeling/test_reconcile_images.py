from collections.abc import Iterator

import pytest

from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, LABELED, QUARANTINED, Known
from lambdas.labeling.listing import Listed
from lambdas.labeling.reconcile_images import differ, side_by_side

ONE = Listed("a", '"1"')


@pytest.mark.parametrize("status", [FREE, IN_ROUND, LABELED, QUARANTINED])
def test_what_agrees_is_not_looked_at(status: str) -> None:
    assert not differ(ONE, Known("a", '"1"', "", status, True))


@pytest.mark.parametrize(
    ("found", "entry"),
    [
        (ONE, None),
        (ONE, Known("a", '"0"', "", FREE, True)),
        (ONE, Known("a", '"0"', "", LABELED, False)),
        (ONE, Known("a", '"0"', '"0.5"', LABELED, True)),
        (ONE, Known("a", '"1"', '"2"', LABELED, True)),
        (ONE, Known("a", '"1"', "", GONE, False)),
        (None, Known("a", '"1"', "", FREE, True)),
        (None, Known("a", '"1"', '"2"', LABELED, True)),
    ],
)
def test_what_no_event_told_of_is_looked_at(found: Listed | None, entry: Known | None) -> None:
    assert differ(found, entry)


@pytest.mark.parametrize(("status", "is_put_in"), [(FREE, True), (IN_ROUND, True), (LABELED, False)])
def test_an_entry_of_before_there_was_an_index_is_put_into_it(status: str, is_put_in: bool) -> None:
    assert differ(ONE, Known("a", '"1"', "", status, False)) is is_put_in


@pytest.mark.parametrize("status", [LABELED, QUARANTINED, IN_ROUND, GONE])
def test_what_has_been_decided_of_an_image_outlives_it(status: str) -> None:
    assert not differ(None, Known("a", '"1"', "", status, False))


def test_what_was_uploaded_over_an_image_is_noticed_once() -> None:
    assert not differ(ONE, Known("a", '"0"', '"1"', LABELED, True))


def test_bucket_and_ledger_are_walked_side_by_side() -> None:
    keys = ["images/a", "images/a-b", "images/a/b", "images/ä", "images/\U0001f3f7"]
    assert keys == sorted(keys, key=str.encode), "as S3 and DynamoDB sort"
    objects = [Listed(key, '"1"') for key in keys if key != "images/a-b"]
    entries = [Known(key, '"1"', "", LABELED, False) for key in keys if key != "images/a/b"]
    met = [
        (key, found is not None, entry is not None) for key, found, entry in side_by_side(objects, entries)
    ]
    assert met == [
        ("images/a", True, True),
        ("images/a-b", False, True),
        ("images/a/b", True, False),
        ("images/ä", True, True),
        ("images/\U0001f3f7", True, True),
    ]


@pytest.mark.parametrize(
    ("objects", "entries"), [([], []), ([ONE], []), ([], [Known("a", "", "", FREE, True)])]
)
def test_either_side_may_be_empty(objects: list[Listed], entries: list[Known]) -> None:
    assert len(list(side_by_side(objects, entries))) == len(objects) + len(entries)


def test_the_walk_is_linear_and_keeps_nothing() -> None:
    read = 0

    def entries() -> Iterator[Known]:
        nonlocal read
        for number in range(50_000):
            read += 1
            yield Known(f"{number:06}", '"1"', "", LABELED, False)

    walk = side_by_side((Listed(f"{number:06}", '"1"') for number in range(50_000)), entries())
    assert next(walk)[0] == "000000"
    assert read <= 2
    assert sum(1 for _ in walk) == 49_999
    assert read == 50_000
