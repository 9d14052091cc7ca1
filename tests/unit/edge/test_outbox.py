from __future__ import annotations

from pathlib import Path

import pytest

from edge.inspector.outbox import Outbox, OutboxFull, Parcel


def parcel(key: str) -> Parcel:
    return Parcel("bucket", key, "image/png", {"thing": "press"})


def test_parcels_wait_in_their_order_and_survive_the_process(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for key in ("b", "a", "c"):
        outbox.add(parcel(key), key.encode())
    again = Outbox(tmp_path)
    assert [again.read(name) for name in again.waiting()] == [
        (parcel(k), k.encode()) for k in ("b", "a", "c")
    ]


def test_a_key_that_waits_already_is_not_kept_twice(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(parcel("a"), b"1")
    outbox.add(parcel("a"), b"1")
    assert len(outbox.waiting()) == 1


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(parcel("a"), b"1")
    outbox.remove(outbox.waiting()[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("limit", [{"max_parcels": 1}, {"max_bytes": 5}])
def test_it_holds_no_more_than_it_may(tmp_path: Path, limit: dict[str, int]) -> None:
    outbox = Outbox(tmp_path, **limit)
    outbox.add(parcel("a"), b"four")
    with pytest.raises(OutboxFull):
        outbox.add(parcel("b"), b"four")
    assert len(outbox.waiting()) == 1


def test_a_body_without_its_address_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "1-x.body").write_bytes(b"half written")
    assert Outbox(tmp_path).waiting() == []
    assert not list(tmp_path.iterdir())
