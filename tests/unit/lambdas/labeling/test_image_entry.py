from lambdas.labeling.image_entry import (
    FREE,
    GONE,
    IN_ROUND,
    LABELED,
    QUARANTINED,
    Content,
    Entry,
    entry_of,
    item_of,
    taken_item,
    turn,
)

NOON = "2026-11-21T12:00:00Z"
ENTRY = Entry("images/tags/a.jpg", '"1"', FREE, "", since=NOON)


def place(status: str, newer: str = "") -> tuple[str | None, str | None]:
    entry = Entry("images/tags/a.jpg", '"1"', status, "execution:1", since=NOON, newer=newer)
    item = item_of(entry, "tags")
    return item.get("images"), item.get("turn")


def test_the_index_has_what_waits_and_what_is_in_a_round() -> None:
    waits = ("free#tags", f"{NOON}#images/tags/a.jpg")
    assert place(FREE) == waits
    assert place(IN_ROUND) == ("in_round#tags", "execution:1")
    for status in (LABELED, QUARANTINED, GONE):
        assert place(status) == (None, None)
        assert place(status, newer='"2"') == waits, "what was uploaded over it waits"
    assert place(IN_ROUND, newer='"2"') == ("in_round#tags", "execution:1"), "left to its round"


def test_who_came_first_goes_first() -> None:
    early, late = turn("images/tags/b", NOON), turn("images/tags/a", "2026-11-21T12:00:01Z")
    assert early < late
    assert turn("images/tags/a", NOON) < early


def test_what_a_device_returned_goes_before_a_week_of_uploads_and_no_more() -> None:
    returned = turn("images/tags/returned/thing-1/x.jpg", NOON)
    assert returned < turn("images/tags/x.jpg", "2026-11-14T12:00:01Z")
    assert returned > turn("images/tags/x.jpg", "2026-11-14T11:59:59Z")
    assert turn("images/tags/upload/returned/x.jpg", NOON).startswith(NOON)


def test_a_turn_fits_into_the_key_of_an_index() -> None:
    assert len(turn("images/tags/" + "ä" * 506, NOON).encode()) <= 1024


def test_an_item_keeps_the_whole_entry() -> None:
    content = Content("ab" * 32, 60, 40, 3, "tag-7")
    for entry in (
        Entry("images/tags/a.jpg", '"1"', LABELED, "execution:1", content, "", NOON, '"2"', 7),
        Entry("images/tags/b.jpg", '"1"', QUARANTINED, "execution:1", reason="the file is empty"),
    ):
        assert entry_of(item_of(entry, "tags")) == entry


def test_an_entry_of_before_there_was_an_index_is_read() -> None:
    item = {"sk": "images/tags/a.jpg", "etag": '"1"', "status": FREE, "execution": "e", "reason": ""}
    assert entry_of(item) == Entry("images/tags/a.jpg", '"1"', FREE, "e")


def test_what_an_execution_took_is_in_no_index() -> None:
    item = taken_item(Entry("images/tags/a.jpg", '"1"', IN_ROUND, "execution:1", since=NOON))
    assert item["pk"] == "TAKEN#execution:1"
    assert not {"images", "turn"} & item.keys()
