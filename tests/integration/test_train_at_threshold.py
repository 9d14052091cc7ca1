"""New data start a training by themselves: real events, queue, table and clock's function, for both tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starts_line import CHILD, DETECTOR, MODELS, PARENT, THRESHOLD, StartsLine
from waiting import eventually

from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
NAME = "threshold-test"


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> StartsLine:
    return StartsLine(cloud, tmp_path_factory.mktemp("starts"), NAME)


@pytest.fixture(autouse=True)
def _anew(line: StartsLine) -> Any:
    """Begin each test after a run that trained: from there it is counted."""
    runs = {model: line.start(model).body["run"] for model in (DETECTOR, CHILD)}
    for model, run in runs.items():
        line.ended(model, run)
    yield
    for model in MODELS:
        line.let_go(model)
        line.tell(model, "register")


def upload(line: StartsLine, *names: str, folder: str = "daffodil") -> None:
    """Upload pictures and wait until they are noted."""
    before = line.noted(CHILD)
    for name in names:
        line.upload(f"images/{PARENT}/{folder}/{name}.jpg")
    eventually(lambda: line.noted(CHILD) == before + len(names))


def label(line: StartsLine, execution: str, count: int) -> str:
    """Approve labels and wait until they are noted and past: a run that begins then has counted them."""
    before, now = line.noted(DETECTOR), datetime.now(UTC) + timedelta(seconds=2)
    lines = [
        {"source-ref": f"s3://images/{execution}-{number}.jpg", "event-time": now.isoformat()}
        for number in range(count)
    ]
    manifest = line.label(execution, lines)
    eventually(lambda: line.noted(DETECTOR) == before + count and datetime.now(UTC) > now)
    return manifest


def test_enough_new_pictures_start_a_training_and_count_once(line: StartsLine) -> None:
    upload(line, "a", "b")
    assert line.tick() == {}
    upload(line, "c")
    line.hold(CHILD)
    started = line.tick()
    assert list(started) == [CHILD]
    assert line.tick() == {}, "never beside one that is under way"
    line.let_go(CHILD)
    found = line.ended(CHILD, started[CHILD])
    assert (found["status"], found["asked"]["STARTED_BY"]) == ("succeeded", f"{THRESHOLD} new")
    assert line.seen(CHILD)["ALONE"] == "yes"
    assert line.tick() == {}, "they were counted"
    upload(line, "d", "e")
    assert line.tick() == {}


def test_enough_new_labels_start_a_training_that_waits_for_them(line: StartsLine) -> None:
    label(line, "execution-1", THRESHOLD - 1)
    assert line.tick() == {}
    manifest = label(line, "execution-2", 1)
    started = line.tick()
    assert list(started) == [DETECTOR]
    assert line.ended(DETECTOR, started[DETECTOR])["status"] == "succeeded"
    assert line.seen(DETECTOR)["LABELS_MANIFEST"] == manifest


def test_what_is_told_of_twice_counts_once(line: StartsLine) -> None:
    at, before = datetime.now(UTC), line.noted(CHILD)
    line.tell_of([f"images/{PARENT}/tulip/same.jpg"] * THRESHOLD, at)
    eventually(line.has_read_all)
    assert line.noted(CHILD) == before + 1
    assert line.tick() == {}


def test_only_pictures_of_a_class_count(line: StartsLine) -> None:
    before = line.noted(CHILD)
    line.upload(f"images/{PARENT}/mushroom/a.jpg")
    line.upload(f"images/{PARENT}/weeds/a.jpg")
    line.upload(f"images/{PARENT}/daffodil/", b"")
    line.upload(f"images/{PARENT}/lying-about.jpg")
    upload(line, "counts")
    assert line.noted(CHILD) == before + 1
    assert line.noted(PARENT) == 0, "no threshold, nothing noted"


def test_a_run_that_failed_to_start_is_started_again(line: StartsLine) -> None:
    upload(line, *"abc", folder="tulip")
    line.tell(CHILD, "broken")
    failed = line.tick()[CHILD]
    assert line.ended(CHILD, failed)["status"] == "failed"
    assert line.tick() == {}, "not at once"
    line.tell(CHILD, "register")
    assert line.tick_later(CHILD, timedelta(minutes=4)) is None
    again = line.tick_later(CHILD, timedelta(minutes=6))
    assert again not in (None, failed)
    assert line.ended(CHILD, str(again))["status"] == "succeeded"
    assert line.tick() == {}


def test_a_run_that_others_started_counts_too(line: StartsLine) -> None:
    upload(line, *"xyz")
    line.ended(CHILD, line.start(CHILD).body["run"])
    assert line.tick() == {}
