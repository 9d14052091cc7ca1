from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.inspector.health import Components, Health
from edge.inspector.model import Model, ModelRecord
from edge.inspector.object_store import NotStored
from edge.inspector.outbox import Outbox, Parcel
from edge.inspector.results import ResultLog
from edge.inspector.sending import Sender, pause_seconds
from edge.inspector.settings import Settings


class FakeStore:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refuse: dict[str, NotStored] = {}

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        for part, error in self.refuse.items():
            if part in key:
                raise error
        self.objects[f"{bucket}/{key}"] = body


class Bench:
    def __init__(self, work: Path) -> None:
        self.store, self.log = FakeStore(), list[str]()
        self.outbox, self.results = Outbox(work / "outbox"), ResultLog(work / "results")
        self.health = Health(work / "health.json", thing="press", components=Components("i", "1.0.1", "m"))
        settings = Settings("images", "artifacts", "tags", work, 0.15, 0.6, 0.25, 30.0)
        no_detector: Any = None
        self.health.begin(Model(ModelRecord("1.0.1", work), "arn", no_detector))
        self.sender = Sender(
            thing="press",
            objects=self.store,
            outbox=self.outbox,
            results=self.results,
            health=self.health,
            settings=lambda: settings,
            log=self.log.append,
        )

    def run_once(self) -> None:
        stop = threading.Event()
        stop.set()
        self.sender.run(stop)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def parcel(key: str, bucket: str = "images") -> Parcel:
    return Parcel(bucket, key, "image/png", {})


def test_a_stopped_sender_has_sent_what_it_could(bench: Bench) -> None:
    bench.outbox.add(parcel("a"), b"1")
    bench.results.append({"file": "a"})
    bench.run_once()
    assert bench.store.objects["images/a"] == b"1"
    health = json.loads(bench.store.objects["artifacts/edge/press/health/1.0.1.json"])
    assert health["images_returned"] == 1
    assert bench.outbox.waiting(), "the results of the last moment wait for the next start"


def test_results_go_to_the_artifacts_bucket_and_count_as_no_picture(bench: Bench) -> None:
    bench.results.append({"file": "a"})
    bench.sender.report_health()
    bench.sender.send_waiting()
    (key,) = [key for key in bench.store.objects if "/results/" in key]
    assert key.startswith("artifacts/edge/press/results/")
    assert bench.store.objects[key] == b'{"file":"a"}\n'
    assert bench.health.report()["images_returned"] == 0


def test_offline_everything_is_kept(bench: Bench) -> None:
    bench.store.refuse[""] = NotStored("cannot be reached")
    bench.outbox.add(parcel("a"), b"1")
    bench.outbox.add(parcel("b"), b"2")
    bench.run_once()
    assert len(bench.outbox.waiting()) == 2
    assert bench.health.report()["errors"] == 1
    assert "cannot be reached" in bench.log[0]


def test_one_that_is_refused_holds_up_no_other(bench: Bench) -> None:
    bench.store.refuse["a"] = NotStored("400: refused", only_this=True)
    bench.outbox.add(parcel("a"), b"1")
    bench.outbox.add(parcel("b"), b"2")
    with pytest.raises(NotStored, match="refused"):
        bench.sender.send_waiting()
    assert bench.store.objects == {"images/b": b"2"}
    assert len(bench.outbox.waiting()) == 1


def test_pauses_grow_to_a_minute_and_differ_between_devices() -> None:
    pauses = [pause_seconds(failures, 1.0) for failures in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60.0
    assert pause_seconds(5, 0.0) == pause_seconds(5, 1.0) / 2
