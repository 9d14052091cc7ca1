"""Faults in the starts of trainings; after each there is one run where one was meant, and none beside it."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from faults.seams import THROTTLED, refusing, table_calls
from starts_line import CHILD, DETECTOR, PARENT, THRESHOLD, StartsLine
from waiting import eventually

from local.cloud.errors import AwsError
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
NAME = "start-faults"
START = "StartPipelineExecution"
FULL = AwsError("ConcurrentPipelineExecutionsLimitExceededException", "50 executions wait", 400)


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> StartsLine:
    return StartsLine(cloud, tmp_path_factory.mktemp("starts"), NAME)


@pytest.fixture(autouse=True)
def _as_usual(line: StartsLine) -> Iterator[None]:
    yield
    line.let_go(CHILD)
    line.tell(CHILD, "register")
    for run in line.runs(CHILD):
        line.ended(CHILD, run)


def enough_is_new(line: StartsLine) -> None:
    """Let so many pictures come that a training is due, after one that trained."""
    line.ended(CHILD, line.start(CHILD).body["run"])
    before, name = line.noted(CHILD), uuid.uuid4().hex
    keys = [f"images/{PARENT}/tulip/{name}-{number}.jpg" for number in range(THRESHOLD)]
    line.tell_of(keys, datetime.now(UTC))
    eventually(lambda: line.noted(CHILD) == before + THRESHOLD)


def test_the_same_key_twice_at_once_starts_one_run(line: StartsLine) -> None:
    before, key = line.runs(CHILD), uuid.uuid4().hex
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: line.start(CHILD, {"seed": 5}, key=key), range(6)))
    assert {answer.status for answer in answers} == {202}, answers
    assert len({answer.body["run"] for answer in answers}) == 1
    assert len(line.runs(CHILD)) == len(before) + 1


def test_two_bodies_with_one_key_at_once_start_one_run(line: StartsLine) -> None:
    before, key = line.runs(CHILD), uuid.uuid4().hex
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda seed: line.start(CHILD, {"seed": seed}, key=key), range(6)))
    assert sorted(answer.status for answer in answers) == [202, 409, 409, 409, 409, 409]
    assert len(line.runs(CHILD)) == len(before) + 1


def test_a_start_while_a_run_goes_on_waits_for_its_turn(line: StartsLine) -> None:
    line.hold(CHILD)
    first = line.start(CHILD, {"seed": 1}).body["run"]
    second = line.start(CHILD, {"seed": 2}).body["run"]
    assert first != second
    assert {line.run(CHILD, run)["status"] for run in (first, second)} == {"starting"}
    line.let_go(CHILD)
    assert [line.ended(CHILD, run)["status"] for run in (first, second)] == ["succeeded", "succeeded"]
    assert line.seen(CHILD)["SEED"] == "2"


@pytest.mark.parametrize(
    ("fault", "status"), [(THROTTLED, 503), (FULL, 409)], ids=["throttled", "as many as may wait"]
)
def test_a_codepipeline_that_is_busy_is_told_with_a_time_to_come_again(
    line: StartsLine, fault: AwsError, status: int
) -> None:
    key, before = uuid.uuid4().hex, line.runs(CHILD)
    with refusing(START, fault, times=3):
        answer = line.start(CHILD, {"seed": 1}, key=key)
    assert answer.status == status, answer
    assert int(answer.headers["Retry-After"]) > 0
    assert line.runs(CHILD) == before
    again = line.start(CHILD, {"seed": 1}, key=key)
    assert again.status == 202
    assert line.runs(CHILD) == [again.body["run"], *before]


def test_a_short_throttling_is_waited_out(line: StartsLine) -> None:
    with refusing(START, THROTTLED, times=1) as faults:
        assert line.start(CHILD).status == 202
    assert faults.left == 0


def test_a_start_that_was_not_written_down_is_found_again_by_its_key(line: StartsLine) -> None:
    before, key = line.runs(CHILD), uuid.uuid4().hex
    with table_calls("UpdateItem", times=3, naming=key.encode()):
        assert line.start(CHILD, {"seed": 1}, key=key).status == 503
    [started, *others] = line.runs(CHILD)
    assert others == before, "it was started, and not written down"
    assert line.start(CHILD, {"seed": 1}, key=key).body["run"] == started
    assert line.runs(CHILD) == [started, *before]


def test_a_status_that_cannot_be_read_now_is_told_with_a_time_to_come_again(line: StartsLine) -> None:
    run = line.start(CHILD).body["run"]
    with refusing("ListActionExecutions", THROTTLED, times=3):
        answer = line.ask("GET", f"models/{CHILD}/runs/{run}")
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    assert line.ended(CHILD, run)["status"] == "succeeded"


def test_a_clock_that_ticks_twice_at_once_starts_one_run(line: StartsLine) -> None:
    enough_is_new(line)
    before = line.runs(CHILD)
    line.hold(CHILD)
    with ThreadPoolExecutor(4) as pool:
        started = [one for one in pool.map(lambda _: line.tick(), range(4)) if one]
    assert len({one[CHILD] for one in started}) == 1
    assert len(line.runs(CHILD)) == len(before) + 1


def test_a_clock_that_codepipeline_turns_away_starts_at_the_next_tick(line: StartsLine) -> None:
    enough_is_new(line)
    before = line.runs(CHILD)
    with refusing(START, THROTTLED, times=8), pytest.raises(AssertionError, match="NotLookedAt"):
        line.tick()
    assert line.runs(CHILD) == before
    assert list(line.tick()) == [CHILD]


def test_a_build_that_fails_again_and_again_is_tried_ever_more_seldom(line: StartsLine) -> None:
    enough_is_new(line)
    line.tell(CHILD, "broken")
    line.ended(CHILD, line.tick()[CHILD])
    for waits, too_early in ((6, 4), (11, 9)):
        assert line.tick_later(CHILD, timedelta(minutes=too_early)) is None
        run = line.tick_later(CHILD, timedelta(minutes=waits))
        assert run is not None
        assert line.ended(CHILD, run)["status"] == "failed"
    assert line.tick() == {}


def test_an_event_that_is_none_harms_no_other(line: StartsLine) -> None:
    before = line.noted(CHILD)
    good = {"detail": {"bucket": {"name": "b"}, "object": {"key": f"images/{PARENT}/tulip/g.jpg", "size": 1}}}
    bodies = ["{", '{"detail": 3}', json.dumps({**good, "time": datetime.now(UTC).isoformat()})]
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = line.invoke("StartsNewDataNoteNewData", {"Records": records})
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["0", "1"]
    assert line.noted(CHILD) == before + 1


def test_a_manifest_that_comes_again_longer_counts_what_is_new_in_it(line: StartsLine) -> None:
    at, before = datetime.now(UTC), line.noted(DETECTOR)
    lines = [
        {"source-ref": f"s3://images/longer-{number}.jpg", "event-time": at.isoformat()}
        for number in range(3)
    ]
    for count in (1, 3, 3):
        line.label("grows", lines[:count])
        eventually(lambda count=count: line.noted(DETECTOR) == before + count)  # type: ignore[misc]
    eventually(line.has_read_all)
    assert line.noted(DETECTOR) == before + 3
