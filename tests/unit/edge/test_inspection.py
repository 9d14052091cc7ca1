from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.inspector.health import Components, Health
from edge.inspector.inspection import Inspection, Store, picture_extension, waiting_pictures
from edge.inspector.model import Model, ModelRecord, UnusableModel, load_model, read_record
from edge.inspector.outbox import Outbox
from edge.inspector.results import ResultLog
from edge.inspector.settings import Settings
from inference.pictures import BadPicture

PACKAGE = "arn:aws:sagemaker:eu-west-1:000000000000:model-package/tags/1"


@dataclass(frozen=True)
class Found:
    label: str
    score: float
    box: tuple[float, float, float, float] = (1.0, 2.0, 3.0, 4.0)


class StubDetector:
    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def detect(self, picture: Any, min_score: float = 0.25) -> Sequence[Found]:
        return [Found("scratch", score) for score in self.scores if score >= min_score]


class FailingDetector:
    def detect(self, picture: Any, min_score: float = 0.25) -> Sequence[Found]:
        raise RuntimeError("no such shape")


def stub_decode(content: bytes) -> bytes:
    if content.startswith(b"bad"):
        raise BadPicture("not a picture")
    return content


class Bench:
    def __init__(self, work: Path, **outbox: int) -> None:
        self.work = work
        self.health = Health(work / "health.json", thing="press", components=Components("i", "1.0.1", "m"))
        self.results, self.outbox = ResultLog(work / "results"), Outbox(work / "outbox", **outbox)
        store = Store(self.results, self.outbox, work / "rejected")
        self.inspection = Inspection(thing="press", store=store, health=self.health, decode=stub_decode)
        self.settings = Settings("images", "artifacts", "tags", work / "pictures", 0.15, 0.6, 0.25, 30.0)
        self.settings.input_directory.mkdir()

    def inspect(self, content: bytes, detector: Any, name: str = "one.png") -> Path:
        model = Model(ModelRecord("1.0.1", self.work), PACKAGE, detector)
        self.health.begin(model)
        path = self.settings.input_directory / name
        path.write_bytes(content)
        self.inspection.inspect(path, model, self.settings)
        return path

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.work / "results/open.jsonl").read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_sure_picture_leaves_a_result_and_goes(bench: Bench) -> None:
    path = bench.inspect(b"\x89PNG", StubDetector(0.9))
    assert not path.exists()
    (record,) = bench.records()
    assert record["unsure"] is False
    assert record["detections"] == [{"label": "scratch", "score": 0.9, "box": [1.0, 2.0, 3.0, 4.0]}]
    assert bench.outbox.waiting() == []
    assert bench.health.report()["inferences"] == 1


@pytest.mark.parametrize("score", [0.15, 0.2, 0.6])
def test_an_unsure_picture_is_kept_for_the_images_bucket(bench: Bench, score: float) -> None:
    bench.inspect(b"\xff\xd8 jpeg", StubDetector(0.9, score))
    parcel, body = bench.outbox.read(bench.outbox.waiting()[0])
    assert body == b"\xff\xd8 jpeg"
    assert parcel.bucket == "images"
    assert parcel.key.startswith("images/tags/returned/press/")
    assert parcel.key.endswith(".jpg")
    assert parcel.metadata == {
        "thing": "press",
        "package": PACKAGE,
        "min-score": f"{score:.4f}",
        "max-score": "0.9000",
    }


def test_a_picture_without_any_find_is_sure(bench: Bench) -> None:
    bench.inspect(b"BM", StubDetector())
    assert bench.records()[0]["unsure"] is False


@pytest.mark.parametrize(
    ("content", "detector", "reason"),
    [(b"bad", StubDetector(), "not a picture"), (b"BM", FailingDetector(), "no such shape")],
)
def test_a_bad_picture_is_set_aside_with_the_reason(
    bench: Bench, content: bytes, detector: Any, reason: str
) -> None:
    path = bench.inspect(content, detector)
    assert not path.exists()
    assert (bench.work / "rejected/one.png").read_bytes() == content
    assert reason in (bench.work / "rejected/one.png.reason.txt").read_text()
    assert (bench.health.report()["rejected"], bench.health.report()["inferences"]) == (1, 0)


def test_a_full_outbox_stops_no_inspection(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_parcels=0)
    path = bench.inspect(b"BM", StubDetector(0.3))
    assert not path.exists()
    assert bench.health.report()["images_dropped"] == 1


def test_a_full_disk_leaves_the_picture_where_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bench.inspect(b"BM", StubDetector(0.3))
    assert (bench.settings.input_directory / "one.png").exists()
    assert bench.outbox.waiting() == []


def test_only_finished_files_are_taken_oldest_first(tmp_path: Path) -> None:
    for index, name in enumerate(["b.png", "a.png", ".hidden.png", "c.png.part"]):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (index, index))
    (tmp_path / "folder").mkdir()
    assert [path.name for path in waiting_pictures(tmp_path)] == ["b.png", "a.png"]
    assert waiting_pictures(tmp_path / "absent") == []


def test_formats_are_known_by_their_first_bytes() -> None:
    contents = [b"\xff\xd8", b"\x89PNG", b"RIFF1234WEBP", b"BM", b"II*\0"]
    assert [picture_extension(content) for content in contents] == ["jpg", "png", "webp", "bmp", "tif"]


def test_counts_begin_anew_for_another_inspector_with_the_same_model(tmp_path: Path) -> None:
    model = Model(ModelRecord("1.0.1", tmp_path), PACKAGE, StubDetector())
    for version in ("1.0.7", "1.0.8"):
        health = Health(tmp_path / "health.json", thing="press", components=Components("i", version, "m"))
        health.begin(model)
        assert health.report()["inferences"] == 0
        health.count("inferences", milliseconds=4.0)
        health.save()


def test_counts_go_on_for_the_same_model_and_begin_anew_for_another(tmp_path: Path) -> None:
    components = Components("i", "1.0.1", "m")
    first = Model(ModelRecord("1.0.1", tmp_path), PACKAGE, StubDetector())
    before = Health(tmp_path / "health.json", thing="press", components=components)
    before.begin(first)
    before.count("inferences", milliseconds=4.0)
    before.save()
    after = Health(tmp_path / "health.json", thing="press", components=components)
    after.begin(first)
    assert after.report()["inferences"] == 1
    after.begin(Model(ModelRecord("1.0.2", tmp_path), PACKAGE, StubDetector()))
    assert after.report()["inferences"] == 0
    assert after.report()["component_versions"] == {"i": "1.0.1", "m": "1.0.2"}


def test_the_models_record_is_found_and_a_broken_model_named(tmp_path: Path) -> None:
    assert read_record(tmp_path / "current") is None
    (tmp_path / "current").write_text(f"1.0.3\n{tmp_path}\n")
    record = read_record(tmp_path / "current")
    assert record == ModelRecord("1.0.3", tmp_path)
    with pytest.raises(UnusableModel, match=r"model\.json"):
        load_model(record, lambda path: StubDetector())
    (tmp_path / "model.json").write_text(json.dumps({"model_package_arn": PACKAGE}))
    assert load_model(record, lambda path: StubDetector()).package_arn == PACKAGE

    def refuse(path: Path) -> StubDetector:
        raise ValueError("no model")

    with pytest.raises(UnusableModel, match=r"model\.onnx: no model"):
        load_model(record, refuse)
