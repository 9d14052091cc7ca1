"""evaluate.py through an endpoint: a classifier's own code behind a client that acts like SageMaker's."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from test_evaluate_classifier import FLAT, Shown, evaluated, model_of
from tiny_test_side import write_work

from inference import classification_serving as serving
from inference.classifier import Classifier
from inference.endpoint_requests import RequestError
from pipeline_defs.classification.scripts import evaluate
from pipeline_defs.common.endpoint import Request
from pipeline_defs.common.endpoint_contract import ANSWERED, Case, picture
from pipeline_defs.common.job import JobError

Answer = dict[str, Any]
Change = Callable[[Answer], Answer]


class Runtime:
    """InvokeEndpoint over the serving code; `change` spoils its answers."""

    def __init__(self, model: Path, change: Change = lambda answer: answer) -> None:
        self._model, self._change = Classifier(model / "model.onnx"), change
        self.asked: list[dict[str, Any]] = []

    def invoke_endpoint(self, *, Body: bytes, ContentType: str, **more: Any) -> dict[str, Any]:  # noqa: N803
        self.asked.append(more)
        try:
            request = serving.input_fn(Body, ContentType, None)
        except RequestError as error:
            code = {"Code": "ModelError", "Message": error.message}
            raise ClientError(
                {"Error": code, "OriginalStatusCode": error.status_code, "OriginalMessage": error.message,
                 "ResponseMetadata": {"HTTPStatusCode": 424}}, "InvokeEndpoint",
            ) from error  # fmt: skip
        body, _ = serving.output_fn(serving.predict_fn(request, self._model), "application/json")
        return {"Body": io.BytesIO(json.dumps(self._change(json.loads(body))).encode())}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A test side, the model, and what the training's evaluation said of it."""
    write_work(tmp_path, FLAT, [Shown("red", "red"), Shown("red", "green"), Shown("green", "green")])
    model_of(tmp_path, FLAT)
    evaluated(tmp_path, f"--model-dir={tmp_path / 'model'}")
    (tmp_path / "evaluation").rename(tmp_path / "trained")
    return tmp_path


def through(
    monkeypatch: pytest.MonkeyPatch, work: Path, runtime: Runtime, *more: str, whole: bool = False
) -> dict[str, Any]:
    """Evaluate; `whole` asks every case of the contract, the largest picture among them."""
    monkeypatch.setattr(evaluate, "runtime_client", lambda *_, **__: runtime)
    if not whole:
        asked = Case("a picture", ANSWERED, Request("image/jpeg", picture("JPEG")), holds="labels")
        monkeypatch.setattr(evaluate, "contract", lambda holds: [asked])
    options = (f"--evaluation={work / 'trained'}", "--latency-requests=7", *more)
    return evaluated(work, "--endpoint=line-colours-staging", *options)


@pytest.mark.acceptance
def test_an_endpoint_is_measured_compared_and_held_to_its_contract(
    monkeypatch: pytest.MonkeyPatch, work: Path
) -> None:
    report = through(monkeypatch, work, Runtime(work / "model"), whole=True)
    trained = json.loads((work / "trained" / "evaluation.json").read_text())
    for key in ("top1", "top5", "confusion", "calibration", "slices", "answers", "worst_pairs"):
        assert report[key] == trained[key], key
    assert report["source"] == "endpoint:line-colours-staging"
    assert report["requests"] == 7
    assert report["first_answer_ms"] > 0
    equality = report["equality"]
    assert (equality["passed"], equality["pictures"], equality["different"]) == (True, 3, 0)
    assert [finding for finding in report["contract"] if not finding["passed"]] == []
    assert "an empty body" in {finding["case"] for finding in report["contract"]}


def test_a_component_is_asked_by_its_name(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    runtime = Runtime(work / "model")
    through(monkeypatch, work, runtime, '--component="line-colours"')
    assert {each.get("InferenceComponentName") for each in runtime.asked} == {"line-colours"}


def less_sure(answer: Answer) -> Answer:
    answer["labels"][0]["score"] -= 0.01
    return answer


def other_name(answer: Answer) -> Answer:
    answer["labels"][0]["label"], answer["labels"][1]["label"] = "blue", "green"
    return answer


@pytest.mark.parametrize("change", [less_sure, other_name])
def test_an_endpoint_that_answers_otherwise_is_not_equal(
    monkeypatch: pytest.MonkeyPatch, work: Path, change: Change
) -> None:
    equality = through(monkeypatch, work, Runtime(work / "model", change))["equality"]
    assert not equality["passed"]
    assert equality["different"] == 3
    assert equality["differences"][0].startswith("s3://images/images/colours/field/red/0000.jpg: red 0.")


def test_two_labels_that_score_alike_may_swap(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    path = work / "trained" / "predictions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        first, second = row["labels"][:2]
        second["score"] = first["score"] - 0.0004
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def swapped(answer: Answer) -> Answer:
        first, second = answer["labels"][:2]
        second["score"] = first["score"] - 0.0004
        first["score"], second["score"] = second["score"], first["score"]
        answer["labels"][:2] = [second, first]
        return answer

    assert through(monkeypatch, work, Runtime(work / "model", swapped))["equality"]["passed"]


def test_an_endpoint_with_another_label_map_is_no_answer(monkeypatch: pytest.MonkeyPatch, work: Path) -> None:
    other = replace(FLAT, labels={"green": ("green",), "red": ("red",), "blue": ("blue",)})
    with pytest.raises(JobError, match="it answers with other labels than the test side's"):
        through(monkeypatch, work, Runtime(model_of(work, other, "other")))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda answer: {"detections": []}, "not a classifier's answer"),
        (lambda answer: {**answer, "labels": answer["labels"][:1]}, "1 labels in an answer"),
    ],
)
def test_what_is_no_answer_ends_the_evaluation(
    monkeypatch: pytest.MonkeyPatch, work: Path, change: Change, complaint: str
) -> None:
    with pytest.raises(JobError, match=complaint):
        through(monkeypatch, work, Runtime(work / "model", change))


def test_a_picture_that_the_training_did_not_know_is_a_difference(
    monkeypatch: pytest.MonkeyPatch, work: Path
) -> None:
    path = work / "trained" / "predictions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    equality = through(monkeypatch, work, Runtime(work / "model"))["equality"]
    assert not equality["passed"]
    assert "the training's evaluation does not know it" in equality["differences"][0]
