"""The ledger of images, what enters them and what takes them out, on a table and a bucket of the cloud."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest
from PIL import Image

from lambdas.labeling.find_unlabeled_images import choose
from lambdas.labeling.image_entry import FREE, GONE, IN_ROUND, LABELED, QUARANTINED, Content, Entry
from lambdas.labeling.image_intake import Intake
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.notice_images import Watch
from lambdas.labeling.payloads import Deadline, OutOfTime
from lambdas.labeling.reconcile_images import Reconciliation
from local.cloud.server import LocalCloud

_numbers = itertools.count(1)
ONE, TWO, DEAD = "execution:one", "execution:two", "execution:dead"


def picture(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), (number * 7 % 256, number * 31 % 256, number // 256)).save(stream, "PNG")
    return stream.getvalue()


class Clock:
    """A Lambda context with all the time, or none."""

    def __init__(self, milliseconds: int = 10**6) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


@dataclass
class Bench:
    """One model of its own in the shared table and bucket."""

    s3: Any
    bucket: str
    table: Any
    model: str

    @property
    def ledger(self) -> ImageLedger:
        return ImageLedger(self.table, self.model)

    def key(self, name: str) -> str:
        return f"images/{self.model}/{name}"

    def put(self, name: str, body: bytes | None = None) -> str:
        content = picture(next(_numbers)) if body is None else body
        self.s3.put_object(Bucket=self.bucket, Key=self.key(name), Body=content)
        return self.key(name)

    def delete(self, name: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=self.key(name))

    def look(self, *names: str) -> list[bool]:
        watch = Watch(self.s3, self.bucket, self.ledger)
        return [watch.look(self.key(name)) for name in names]

    def noticed(self, *names: str) -> None:
        """Upload images, each later than the one before by its name, and notice them."""
        for name in names:
            self.put(name)
        self.look(*names)

    def find(self, execution: str, limit: int, running: tuple[str, ...] = (ONE, TWO)) -> list[str]:
        """Choose images for an execution; all that it has now, by name."""
        running = tuple(map(self.named, running))
        execution = self.named(execution)
        intake = Intake(self.s3, self.bucket, self.ledger, execution)
        choose(self.ledger, intake, execution, limit, running.__contains__, Deadline(Clock()))
        return [name for name, status in self._taken(execution) if status == IN_ROUND]

    def named(self, execution: str) -> str:
        """An execution is of one model."""
        return f"{execution}:{self.model}"

    def taken(self, execution: str) -> dict[str, str]:
        return dict(self._taken(self.named(execution)))

    def _taken(self, execution: str) -> list[tuple[str, str]]:
        return [(e.key.rpartition("/")[2], e.status) for e in self.ledger.taken_by(execution)]

    def settle(self, name: str, status: str) -> None:
        seen = self.entry(name)
        assert self.ledger.change(replace(seen, status=status), seen)

    def entry(self, name: str) -> Entry:
        found = self.ledger.entry(self.key(name))
        assert found is not None
        return found

    def free(self) -> list[str]:
        return [entry.key.rpartition("/")[2] for entry in self.ledger.free()]

    def reconcile(self, execution: str = ONE) -> dict[str, Any]:
        return Reconciliation(self.table, self.model, execution).run(self.s3, self.bucket, Deadline(Clock()))


@pytest.fixture(scope="module")
def place(cloud: LocalCloud) -> tuple[Any, str, Any]:
    session = cloud.root_session()
    s3, dynamodb = session.client("s3"), session.resource("dynamodb")
    s3.create_bucket(Bucket="image-ledger", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    keys = {"pk": "HASH", "sk": "RANGE"}
    index = {"images": "HASH", "turn": "RANGE"}
    table = dynamodb.create_table(
        TableName="image-ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in (*keys, *index)],
        KeySchema=[{"AttributeName": n, "KeyType": kind} for n, kind in keys.items()],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Images",
                "KeySchema": [{"AttributeName": n, "KeyType": kind} for n, kind in index.items()],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return s3, "image-ledger", table


@pytest.fixture
def bench(place: tuple[Any, str, Any]) -> Bench:
    return Bench(*place, model=f"model{next(_numbers)}")


def test_a_round_takes_as_many_as_it_has_room_for_and_the_next_goes_on(bench: Bench) -> None:
    bench.noticed("a", "b", "c", "d", "e")
    assert bench.ledger.waiting(100) == 5
    assert bench.ledger.waiting(3) == 3
    assert bench.find(ONE, 2) == ["a", "b"]
    assert bench.find(TWO, 2) == ["c", "d"]
    assert bench.ledger.waiting(100) == 1
    assert sorted(bench.ledger.holders()) == [bench.named(ONE), bench.named(TWO)]


def test_what_was_uploaded_first_goes_first(bench: Bench) -> None:
    for name, since in (("a", "2026-11-21T12:00:02Z"), ("b", "2026-11-21T12:00:01Z")):
        bench.ledger.agree(Entry(bench.put(name), "", FREE, "", since=since), None)
    bench.ledger.agree(Entry(bench.put("returned/thing/c"), "", FREE, "", since="2026-11-25T12:00:00Z"), None)
    assert bench.free() == ["c", "b", "a"]


def test_a_second_attempt_goes_on_where_the_first_stopped(bench: Bench) -> None:
    bench.noticed("a", "b", "c", "d")
    assert bench.find(ONE, 2) == ["a", "b"]
    assert bench.find(ONE, 3) == ["a", "b", "c"]
    assert bench.find(ONE, 3) == ["a", "b", "c"]


def test_labelled_images_are_not_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.noticed("a", "b", "c")
    bench.find(ONE, 2)
    bench.settle("a", LABELED)
    bench.settle("b", FREE)
    read: list[str] = []
    original = type(bench.table).query

    def query(table: Any, **arguments: Any) -> Any:
        page = original(table, **arguments)
        read.extend(item["sk"] for item in page.get("Items", ()) if arguments.get("IndexName"))
        return page

    monkeypatch.setattr(type(bench.table), "query", query)
    assert bench.find(TWO, 10) == ["b", "c"]
    assert bench.key("a") not in read


def test_a_dead_execution_gives_back_what_it_had(bench: Bench) -> None:
    bench.noticed("a", "b", "c")
    assert bench.find(DEAD, 2, running=(DEAD,)) == ["a", "b"]
    assert bench.find(ONE, 1) == ["a"]
    assert bench.find(TWO, 5) == ["b", "c"]
    assert list(bench.ledger.holders()) == [bench.named(ONE), bench.named(TWO)]


def test_two_executions_at_once_share_what_waits(bench: Bench) -> None:
    names = [f"{number:02}" for number in range(30)]
    bench.noticed(*names)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda execution: bench.find(execution, 20), (ONE, TWO)))
    assert sorted(found[0] + found[1]) == names
    assert max(map(len, found)) <= 20


def test_of_equal_bytes_the_first_stands_for_all(bench: Bench) -> None:
    same = picture(next(_numbers))
    for name in ("a", "b", "c"):
        bench.put(name, same)
    bench.put("d")
    bench.look("a", "b", "c", "d")
    assert bench.find(ONE, 2) == ["a", "d"]
    assert bench.taken(ONE) == {"a": IN_ROUND, "b": QUARANTINED, "c": QUARANTINED, "d": IN_ROUND}
    assert bench.entry("b").reason == f"the same bytes as s3://{bench.bucket}/{bench.key('a')}"
    assert bench.ledger.waiting(9) == 0


def test_what_cannot_be_used_is_set_aside_and_takes_no_place_in_the_round(bench: Bench) -> None:
    bench.put("a", b"")
    bench.put("b")
    bench.look("a", "b")
    assert bench.find(ONE, 1) == ["b"]
    assert bench.entry("a").reason == "the file is empty"


def test_an_image_that_is_deleted_before_its_round_takes_no_place_in_it(bench: Bench) -> None:
    bench.noticed("a", "b", "c")
    bench.delete("a")
    assert bench.find(ONE, 1) == ["b"]
    assert bench.entry("a").status == GONE
    assert bench.free() == ["c"]


def test_an_overwritten_image_is_labelled_anew_and_the_same_bytes_are_not(bench: Bench) -> None:
    same = picture(next(_numbers))
    bench.put("a", same)
    bench.put("b")
    bench.look("a", "b")
    bench.find(ONE, 2)
    bench.settle("a", LABELED)
    bench.settle("b", LABELED)
    assert bench.free() == []
    bench.s3.put_object(Bucket=bench.bucket, Key=bench.key("a"), Body=same, Metadata={"by": "again"})
    seen = bench.entry("a")
    bench.ledger.agree(replace(seen, etag='"another"'), seen)  # as S3's ETags are with KMS
    bench.put("b")
    assert bench.look("a", "b") == [True, True]
    assert sorted(bench.free()) == ["a", "b"]
    assert bench.find(TWO, 5) == ["b"]
    assert (bench.entry("a").status, bench.entry("a").newer) == (LABELED, "")


def test_what_is_uploaded_over_an_image_in_its_round_waits_for_the_round(bench: Bench) -> None:
    bench.noticed("a")
    bench.find(ONE, 1)
    before = bench.entry("a")
    bench.put("a")
    assert bench.look("a") == [True]
    assert bench.ledger.waiting(5) == 0
    # The round was closed by somebody who had read the entry before the upload.
    assert bench.ledger.change(replace(before, status=LABELED), before)
    assert bench.free() == ["a"]
    assert bench.find(TWO, 1) == ["a"]


def test_an_entry_that_another_execution_has_is_not_changed(bench: Bench) -> None:
    bench.noticed("a")
    bench.find(DEAD, 1)
    before = bench.entry("a")
    bench.find(ONE, 1)
    assert not bench.ledger.change(replace(before, status=LABELED), before)
    assert bench.entry("a").execution == bench.named(ONE)


def test_events_may_come_twice_late_and_in_any_order(bench: Bench) -> None:
    bench.put("a")
    assert bench.look("a", "a") == [True, False]
    bench.delete("a")
    bench.put("a")
    assert bench.look("a", "a") == [True, False], "the deletion and the upload, whichever comes first"
    bench.delete("a")
    assert bench.look("a", "a", "never") == [True, False, False]
    assert bench.entry("a").status == GONE


def test_who_looked_later_has_the_last_word(bench: Bench) -> None:
    bench.put("a")
    hasty = Watch(
        Interrupted(bench.s3, lambda: (bench.delete("a"), bench.look("a"))), bench.bucket, bench.ledger
    )
    bench.look("a")
    bench.put("a")
    hasty.look(bench.key("a"))
    assert bench.entry("a").status == GONE, "another look came between its two"


class Interrupted:
    """S3, with something that happens once after an image was looked at."""

    def __init__(self, s3: Any, happens: Any) -> None:
        self._s3, self._happens = s3, [happens]

    def head_object(self, **arguments: Any) -> Any:
        answer = self._s3.head_object(**arguments)
        while self._happens:
            self._happens.pop()()
        return answer


def test_a_reconciliation_finds_what_no_event_told_of(bench: Bench) -> None:
    bench.noticed("gone", "kept", "labeled", "overwritten", "set-aside")
    bench.find(ONE, 9)
    for name in ("gone", "kept"):
        bench.settle(name, FREE)
    for name in ("labeled", "overwritten"):
        bench.settle(name, LABELED)
    bench.settle("set-aside", QUARANTINED)
    bench.put("overwritten")
    bench.put("missed/new")
    bench.put("folder/", b"")
    bench.delete("gone")
    bench.delete("set-aside")
    assert bench.reconcile() == {"model": bench.model, "images": 4, "mended": 3}
    assert sorted(bench.free()) == ["kept", "new", "overwritten"]
    assert bench.reconcile(TWO) == {"model": bench.model, "images": 4, "mended": 0}


def test_a_ledger_of_before_there_was_an_index_is_put_into_it(bench: Bench) -> None:
    content = vars(Content("ab" * 32, 60, 40, 3))
    for name, status in (("a", FREE), ("b", LABELED), ("c", IN_ROUND)):
        key = bench.put(name)
        etag = bench.s3.head_object(Bucket=bench.bucket, Key=key)["ETag"]
        old = {"etag": etag, "status": status, "execution": DEAD, "reason": "", **content}
        bench.table.put_item(Item={"pk": f"IMAGES#{bench.model}", "sk": key, **old})
    assert bench.free() == []
    assert Reconciliation.needed(bench.table, bench.model)
    assert bench.reconcile()["mended"] == 2
    assert not Reconciliation.needed(bench.table, bench.model)
    assert bench.free() == ["a"]
    assert list(bench.ledger.holders()) == [DEAD]
    assert bench.entry("b").status == LABELED
    bench.settle("b", FREE)
    assert bench.free() == ["b", "a"], "it has no time"


def test_a_reconciliation_goes_on_where_it_ran_out_of_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.labeling.reconcile_images._BATCH", 2)
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        bench.put(name)
    looked_at: list[str] = []
    original = Watch.look

    def look(watch: Watch, key: str) -> bool:
        looked_at.append(key)
        return original(watch, key)

    monkeypatch.setattr(Watch, "look", look)
    late = Deadline(Clock(0))
    for _ in range(2):
        with pytest.raises(OutOfTime, match="images have been compared"):
            Reconciliation(bench.table, bench.model, ONE).run(bench.s3, bench.bucket, late)
        assert Reconciliation.needed(bench.table, bench.model)
    assert bench.reconcile() == {"model": bench.model, "images": 5, "mended": 5}
    assert sorted(looked_at) == [bench.key(name) for name in names], "each once"
