import hashlib
import importlib.util
import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from inference.detector import Detector
from pipeline_defs.common.endpoint import Endpoint
from pipeline_defs.common.job import JobError
from pipeline_defs.detection.dataset import LabeledPicture, Split
from pipeline_defs.detection.export import ModelCard, export_onnx
from pipeline_defs.detection.model import CompactDetector
from pipeline_defs.detection.scripts import evaluate, train
from pipeline_defs.detection.settings import InputSize, choose_input_size
from pipeline_defs.detection.training import validation_steps

MakeSplit = Callable[[Path, range], Split]
STEPS = 150


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, make_split: MakeSplit) -> Path:
    """A folder with a data set and a model trained on it by the script."""
    folder = tmp_path_factory.mktemp("run")
    for name, seeds in {"train": range(24), "validation": range(24, 30), "test": range(30, 40)}.items():
        make_split(folder / name, seeds)
    (folder / "dataset").mkdir()
    manifest = {"sha256": "cd" * 32, "as_of": "2026-01-01T00:00:00Z", "images": []}
    (folder / "dataset" / "manifest.json").write_text(json.dumps(manifest))
    train.main(train_arguments(folder, "model", steps=STEPS))
    return folder


def train_arguments(folder: Path, model: str, *, steps: int) -> list[str]:
    return [
        f"--train={folder / 'train'}",
        f"--validation={folder / 'validation'}",
        f"--model-dir={folder / model}",
        "--seed=7",
        f"--steps={steps}",
        "--batch-size=8",
        f"--input-area={64 * 96}",
        "--threads=1",
    ]


def evaluate_arguments(folder: Path, *source: str) -> list[str]:
    return [
        f"--test={folder / 'test'}",
        f"--dataset={folder / 'dataset'}",
        f"--output-dir={folder / 'evaluation'}",
        *source,
    ]


def labeled(width: int, height: int) -> LabeledPicture:
    return LabeledPicture("f", "s", "u", width, height, "g", ())


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(450, 300)], InputSize(224, 320)),
        ([(300, 450)], InputSize(320, 224)),
        ([(640, 640)], InputSize(256, 256)),
        ([(9000, 30)], InputSize(160, 448)),
        ([(450, 300), (450, 300), (10, 10)], InputSize(224, 320)),
    ],
)
def test_the_input_follows_the_typical_picture(sizes: list[tuple[int, int]], expected: InputSize) -> None:
    assert choose_input_size(tuple(labeled(*size) for size in sizes), 224 * 320) == expected


def test_validations_lie_in_the_second_half_and_at_the_end() -> None:
    assert validation_steps(1000) == {500, 600, 700, 800, 900, 1000}
    assert validation_steps(1) == {1}


def test_the_model_directory_is_what_the_container_unpacks(work: Path) -> None:
    detector = Detector(work / "model" / "model.onnx")
    assert detector.classes == ("wide", "tall")
    assert detector.dataset_sha256 == "cd" * 32
    assert (work / "model" / "code" / "requirements.txt").read_text().count("==") == 3


def test_the_entry_point_loads_as_the_serving_container_loads_it(
    work: Path, load_entry_point: Callable[[Path], ModuleType]
) -> None:
    code = work / "model" / "code"
    module = load_entry_point(code)
    assert module.__file__ == str(code / "inference.py")
    model = module.model_fn(str(work / "model"))
    content = next((work / "test" / "images").iterdir()).read_bytes()
    answer = module.output_fn(module.predict_fn(module.input_fn(content, "image/png", None), model), "*/*")
    assert json.loads(answer[0])["width"] == 96
    sources = {sys.modules[type(model).__module__].__file__, sys.modules[module.model_fn.__module__].__file__}
    assert all(source and source.startswith(str(code)) for source in sources)


def test_the_entry_point_loads_from_its_file_under_another_name(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = work / "model" / "code"
    monkeypatch.syspath_prepend(str(code))
    spec = importlib.util.spec_from_file_location("served_entry", code / "inference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.model_fn(str(work / "model")).classes == ("wide", "tall")


def test_the_same_seed_gives_the_same_model(work: Path) -> None:
    folders = ["first", "second"]
    for name in folders:
        train.main(train_arguments(work, name, steps=3))
    first, second = ((work / name / "model.onnx").read_bytes() for name in folders)
    assert first == second


def test_training_says_how_far_it_is_and_how_good(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.main(train_arguments(work, "spoken", steps=2))
    out = capsys.readouterr().out
    assert "step 2/2 loss " in out
    assert "validation:map50=0." in out


def test_a_training_that_diverges_is_ended(work: Path) -> None:
    with pytest.raises(JobError, match=r"diverged: after step \d+ .*lower learning rate than 1e\+20"):
        train.main([*train_arguments(work, "diverged", steps=50), "--learning-rate=1e20"])
    assert not (work / "diverged" / "model.onnx").exists()


def test_settings_that_cannot_work_are_refused(work: Path) -> None:
    with pytest.raises(JobError, match="--steps 0: must be more than 0"):
        train.main(train_arguments(work, "none", steps=0))


def test_an_exported_model_answers_for_any_class_count_and_shape(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = CompactDetector(3).eval()
    card = ModelCard(("a", "b", "c"), 64, 96, "")
    export_onnx(network, card, tmp_path / "model.onnx")
    assert Detector(tmp_path / "model.onnx").classes == ("a", "b", "c")


def test_evaluation_of_a_model_file(work: Path) -> None:
    evaluate.main(evaluate_arguments(work, f"--model-dir={work / 'model'}"))
    report = json.loads((work / "evaluation" / "evaluation.json").read_text())
    predictions = json.loads((work / "evaluation" / "predictions.json").read_text())
    assert report["images"] == report["requests"] == report["boxes"] == len(predictions) == 10
    assert report["source"] == "model"
    assert report["dataset"] == {"manifest_sha256": "cd" * 32, "as_of": "2026-01-01T00:00:00Z"}
    assert set(report["by_class"]) == set(report["precision_recall"]) == {"wide", "tall"}
    assert len(report["precision_recall"]["wide"]) == 101
    assert report["latency_ms"]["p95"] >= report["latency_ms"]["p50"] > 0
    best = [max((found["score"] for found in row["detections"]), default=0) for row in predictions]
    assert report["answers"]["empty_share"] == pytest.approx(sum(score < 0.25 for score in best) / 10)
    assert sum(report["by_size"][size]["boxes"] for size in ("small", "medium", "large")) == 10
    assert predictions[0]["truth"][0].keys() == {"label", "left", "top", "width", "height"}
    assert predictions[0]["detections"][0].keys() == {"label", "score", "box"}


def test_the_packed_model_scores_the_same(work: Path) -> None:
    with tarfile.open(work / "model.tar.gz", "w:gz") as archive:
        archive.add(work / "model", ".")
    reports = []
    for source in (work / "model", work / "model.tar.gz", work):
        evaluate.main(evaluate_arguments(work, f"--model-dir={source}"))
        reports.append(json.loads((work / "evaluation" / "evaluation.json").read_text()))
    assert len({report["map50_95"] for report in reports}) == 1
    packed = hashlib.sha256((work / "model.tar.gz").read_bytes()).hexdigest()
    assert [report["model_sha256"] for report in reports] == [None, packed, packed]


def test_a_model_of_other_classes_is_refused(work: Path, tmp_path: Path) -> None:
    export_onnx(CompactDetector(1).eval(), ModelCard(("dent",), 64, 96, ""), tmp_path / "model.onnx")
    with pytest.raises(JobError, match="knows \\['dent'\\]"):
        evaluate.main(evaluate_arguments(work, f"--model-dir={tmp_path}"))


def test_a_broken_archive_is_refused(work: Path, tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    with pytest.raises(JobError, match="can be taken"):
        evaluate.main(evaluate_arguments(work, f"--model-dir={tmp_path}"))


class Runtime:
    """An endpoint's client that gives back the same answer and remembers the requests."""

    def __init__(self, answer: object) -> None:
        self.requests: list[dict[str, object]] = []
        self._answer = answer

    def invoke_endpoint(self, **request: object) -> dict[str, io.BytesIO]:
        self.requests.append(request)
        return {"Body": io.BytesIO(json.dumps(self._answer).encode())}


def test_evaluation_through_an_endpoint_sends_every_picture(work: Path) -> None:
    split = evaluate.read_split(work / "test")
    runtime = Runtime({"detections": [{"label": "wide", "score": 0.5, "box": [1, 2, 3, 4]}]})
    found = evaluate.evaluate(split, evaluate.endpoint_detector(Endpoint("tags-staging", runtime)))
    assert len(runtime.requests) == len(found.detections) == 10
    assert runtime.requests[0]["CustomAttributes"] == "min_score=0.01"
    assert runtime.requests[0]["ContentType"] == "image/png"
    assert found.detections[0][0].box == (1, 2, 3, 4)


def test_an_endpoint_that_answers_something_else_is_named(work: Path) -> None:
    split = evaluate.read_split(work / "test")
    with pytest.raises(JobError, match="endpoint tags-staging: not an answer for s3://"):
        evaluate.evaluate(split, evaluate.endpoint_detector(Endpoint("tags-staging", Runtime({"error": 1}))))


def test_training_learns(work: Path) -> None:
    """These steps on 24 pictures are enough to be far from chance."""
    split = evaluate.read_split(work / "test")
    detector = Detector(work / "model" / "model.onnx")
    hits = 0
    for picture in split.pictures:
        found = detector.detect(split.load(picture), min_score=0.01)
        box = split.targets(picture)[0, 1:]
        centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        left, top, right, bottom = found[0].box
        hits += bool(left < centre[0] < right and top < centre[1] < bottom)
    assert hits >= 7
