from dataclasses import replace
from typing import Any

import pytest

from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, LABELED, QUARANTINED, Content, Entry
from lambdas.labeling.listing import model_of
from lambdas.labeling.notice_images import noticed

KEY, NOON, LATER = "images/tags/a.jpg", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00Z"
CONTENT = Content("ab" * 32, 60, 40, 3)
SEEN = Entry(KEY, '"1"', FREE, "", since=NOON)


def seen(status: str, **other: Any) -> Entry:
    return replace(SEEN, status=status, execution="execution:1", content=CONTENT, **other)


def test_a_new_image_waits() -> None:
    assert noticed(KEY, None, ('"1"', NOON)) == SEEN


@pytest.mark.parametrize("status", [FREE, IN_ROUND, LABELED, QUARANTINED])
def test_what_is_known_already_changes_nothing(status: str) -> None:
    assert noticed(KEY, seen(status), ('"1"', LATER)) is None


@pytest.mark.parametrize("status", [IN_ROUND, LABELED, QUARANTINED])
def test_what_is_uploaded_over_an_image_is_noticed_beside_it(status: str) -> None:
    once = seen(status, newer='"2"', since=LATER)
    assert noticed(KEY, seen(status), ('"2"', LATER)) == once
    assert noticed(KEY, once, ('"2"', LATER)) is None


@pytest.mark.parametrize("status", [FREE, GONE])
def test_what_nobody_is_labelling_is_replaced_by_what_is_uploaded_over_it(status: str) -> None:
    assert noticed(KEY, seen(status), ('"2"', LATER)) == Entry(KEY, '"2"', FREE, "", since=LATER)


def test_an_image_that_is_deleted_before_its_round_is_gone_and_comes_back_when_it_is_restored() -> None:
    gone = noticed(KEY, seen(FREE), None)
    assert gone == seen(GONE)
    assert noticed(KEY, gone, None) is None
    assert noticed(KEY, gone, ('"1"', LATER)) == seen(FREE, since=LATER)


@pytest.mark.parametrize("status", [IN_ROUND, LABELED, QUARANTINED])
def test_what_has_been_decided_of_an_image_outlives_it(status: str) -> None:
    assert noticed(KEY, seen(status), None) is None
    assert noticed(KEY, seen(status, newer='"2"'), None) == seen(status)


def test_an_image_that_was_never_noticed_and_is_deleted_leaves_nothing() -> None:
    assert noticed(KEY, None, None) is None


def test_the_version_before_is_restored() -> None:
    assert noticed(KEY, seen(LABELED, newer='"2"'), ('"1"', LATER)) == seen(LABELED)


@pytest.mark.parametrize("status", [FREE, IN_ROUND])
def test_an_entry_of_before_there_was_an_index_gets_its_time(status: str) -> None:
    assert noticed(KEY, seen(status, since=""), ('"1"', NOON)) == seen(status)


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("images/tags/a.jpg", "tags"),
        ("images/tags/returned/thing/a b+ä.jpg", "tags"),
        ("images/tags/", None),
        ("images/tags/folder/", None),
        ("images/a.jpg", None),
        ("images//a.jpg", None),
        ("other/tags/a.jpg", None),
    ],
)
def test_which_model_an_object_is_for(key: str, model: str | None) -> None:
    assert model_of(key) == model
