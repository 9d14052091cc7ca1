"""What a promotion asks of a model that classifies: its metrics, its answers, what it was registered with."""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from lambdas.promotion import check_artifacts, read_model_package, smoke_endpoint
from lambdas.promotion.approval_notice import approval_notice
from lambdas.promotion.check_artifacts import ArtifactChanged, labels_sha256, manifest_sha256
from lambdas.promotion.judge_staging import Limits, differences, summary
from lambdas.promotion.pages.approval import approval_page
from lambdas.promotion.pages.release import _tested
from lambdas.promotion.pages.review import Review, Version
from lambdas.promotion.tasks import CLASSIFICATION, DETECTION, task_of
from pipeline_defs.classification import label_map

RUN = "s3://artifacts/runs/flowers/1"
LABELS = ("daffodil", "tülip")
LIMITS = Limits(tolerance=0.02, p95_ms=100)
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-flowers/3"


def evaluation(top1: float = 0.9, **more: Any) -> dict[str, Any]:
    return {
        "task": "classification",
        "top1": top1,
        "top5": 1.0,
        "images": 40,
        "macro_f1": 0.88,
        "by_class": {name: {"precision": 0.9, "recall": 0.8, "f1": 0.85, "images": 20} for name in LABELS},
        "confusion": {"labels": list(LABELS), "matrix": [[19, 1], [2, 18]]},
        "worst_pairs": [{"truth": "tülip", "said": "daffodil", "count": 2, "files": []}],
        "calibration": {"ece": 0.05, "bins": []},
        "latency_ms": {"p50": 4.0, "p95": 6.0},
        "dataset": {"manifest_sha256": "abc"},
        **more,
    }


def measured(**changes: Any) -> dict[str, Any]:
    equality = {
        "passed": True, "pictures": 40, "compared": 40, "different": 0, "allowed": 0, "differences": [],
        "largest_score": 1e-6,
    }  # fmt: skip
    case = {"case": "an empty body", "expected": "400", "status": 400, "reason": "empty", "passed": True}
    tested = {"source": "endpoint:e", "requests": 140, "contract": [case], "equality": equality}
    return {**evaluation(), **tested, **changes}


def test_staging_is_held_to_top1_and_top5() -> None:
    assert differences(evaluation(), measured(), endpoint="e", limits=LIMITS) == []
    found = differences(evaluation(), measured(top1=0.95, top5=0.9), endpoint="e", limits=LIMITS)
    assert found == [
        "top1 is 0.9500, registered 0.9000, tolerance 0.02",
        "top5 is 0.9000, registered 1.0000, tolerance 0.02",
    ]
    kept = summary(evaluation(), measured(), LIMITS)
    assert (kept["top1"], kept["registered"]) == (0.9, {"top1": 0.9, "top5": 1.0})
    assert "Top-1 0.900, Top-5 1.000; registered 0.900 and 1.000" in str(_tested(kept))


def test_an_answer_that_is_not_the_trainings_fails_by_name() -> None:
    other = {**measured()["equality"], "passed": False, "different": 2, "differences": ["1.jpg: tülip"]}
    (problem,) = differences(evaluation(), measured(equality=other), endpoint="e", limits=LIMITS)
    assert problem.startswith("equality: 2 of 40 answers are not the training's, 0 may differ: 1.jpg: tülip")


def test_each_task_is_evaluated_by_its_own_code_and_a_classifier_by_its_own_settings() -> None:
    code = "/opt/ml/processing/input/code"
    begin = ["/bin/sh", f"{code}/pipeline_defs/run_job.sh"]
    assert DETECTION.entrypoint("tags") == [*begin, "pipeline_defs.detection.scripts.evaluate"]
    assert CLASSIFICATION.entrypoint("flowers") == [
        *begin,
        "pipeline_defs.classification.scripts.evaluate",
        "--settings",
        f"{code}/models/flowers.json",
    ]
    assert task_of({"map50": 1.0}) is DETECTION
    assert task_of(evaluation()) is CLASSIFICATION


def answer(label: str = "daffodil", score: float = 0.9, **more: Any) -> bytes:
    said = {"labels": [{"label": label, "score": score}], "width": 30, "height": 20, "label_map_sha256": "m"}
    return json.dumps({**said, **more}).encode()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer("rose"), "unknown class 'rose'"),
        (answer(score=1.5), "score 1.5 is not between 0 and 1"),
        (answer(width=20), "the picture is 30x20, the answer says 20x20"),
        (answer(labels=[]), "it names nothing"),
        (answer(label_map_sha256="other"), "it answers by the label map other, registered m"),
        (b'{"width": 30, "height": 20, "detections": []}', "not the promised JSON"),
    ],
)
def test_what_is_wrong_with_a_classifiers_answer_is_said(said: bytes, problem: str) -> None:
    assert smoke_endpoint.wrong_with(answer(), (30, 20), LABELS, "m") is None
    assert problem in str(smoke_endpoint.wrong_with(said, (30, 20), LABELS, "m"))


def test_the_functions_hash_of_labels_is_that_of_the_jobs() -> None:
    assert labels_sha256(LABELS) == label_map.labels_sha256(LABELS)


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while block := self.read(size):
            yield block


class FakeS3:
    """A run of a classifier: its model, its data set with the list of pictures apart, its test set."""

    def __init__(self) -> None:
        pictures, records, model = b'{"uri": "s3://i/1.jpg"}\n', b"records", b"model"
        images = {"file": "images.jsonl", "sha256": hashlib.sha256(pictures).hexdigest(), "count": 1}
        manifest: dict[str, Any] = {"version": 2, "images": images}
        manifest["sha256"] = manifest_sha256(manifest)
        found = evaluation(
            model_sha256=hashlib.sha256(model).hexdigest(), dataset={"manifest_sha256": manifest["sha256"]}
        )
        of_test = {"file": "test.rec", "sha256": hashlib.sha256(records).hexdigest()}
        labels = {"dataset_sha256": manifest["sha256"], "records": of_test, "images": []}
        self.objects = {
            "model.tar.gz": model,
            "dataset/manifest.json": json.dumps(manifest).encode(),
            "dataset/images.jsonl": pictures,
            "evaluation/evaluation.json": json.dumps(found).encode(),
            "test/labels.json": json.dumps(labels).encode(),
            "test/test.rec": records,
            "test/label_map.json": json.dumps({"labels": LABELS, "sha256": labels_sha256(LABELS)}).encode(),
        }

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": Body(self.objects[Key.removeprefix("runs/flowers/1/")])}


PACKAGE = {
    "task": "classification",
    "model_data": f"{RUN}/model.tar.gz",
    "evaluation": f"{RUN}/evaluation/evaluation.json",
    "dataset_manifest": f"{RUN}/dataset/manifest.json",
    "test_set": f"{RUN}/test",
    "label_map_sha256": labels_sha256(LABELS),
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    made = FakeS3()
    monkeypatch.setattr(boto3, "client", lambda service: made)
    return made


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("dataset/images.jsonl", b"1.jpg", b"2.jpg"),
        ("test/test.rec", b"records", b"others"),
        ("test/label_map.json", b"daffodil", b"rose"),
        ("model.tar.gz", b"model", b"other"),
        ("dataset/manifest.json", b"images.jsonl", b"images.json"),
    ],
)
def test_what_was_changed_since_a_classifier_was_registered_is_named(
    s3: FakeS3, file: str, old: bytes, new: bytes
) -> None:
    assert check_artifacts.handler({"package": PACKAGE}, None)["model_sha256"]
    s3.objects[file] = s3.objects[file].replace(old, new, 1)
    with pytest.raises(ArtifactChanged, match=f"{RUN}/{file}: its SHA-256 is"):
        check_artifacts.handler({"package": PACKAGE}, None)


def test_the_numbers_that_prod_is_held_to_are_the_tasks(s3: FakeS3) -> None:
    found = read_model_package.registered(s3, f"{RUN}/evaluation/evaluation.json", CLASSIFICATION)
    assert found == {"top1": 0.9, "top5": 1.0, "empty_share": None, "mean_score": None}


def version(number: int, top1: float, **more: Any) -> Version:
    return Version(
        number=number,
        arn=ARN.replace("/3", f"/{number}"),
        registered_at="2026-11-21 08:41 UTC",
        git_commit="c0ffee",
        manifest_uri=f"{RUN}/dataset/manifest.json",
        manifest={"sha256": "abc", "images": {"count": 400}, "quarantine": {"count": 3}},
        evaluation=evaluation(top1, **more),
        evaluation_uri=f"{RUN}/evaluation/evaluation.json",
    )


def test_the_page_for_the_approver_tells_what_classifies_well_and_what_it_takes_for_what() -> None:
    routing = {"top1_end_to_end": 0.8, "top1_perfect_parent": 0.85, "cost": 0.05, "children": []}
    old = version(2, 0.85, confusion={"labels": ["daffodil", "rose"], "matrix": []})
    review = Review("flowers", version(3, 0.9, routing=routing), old, "", f"{RUN}/approval.html")
    page = approval_page(review)
    for said in (
        "Top-1 is 0.900, higher than 0.850 of version 2 in prod on the same pictures.",
        "Macro F1",
        "tülip taken for daffodil",
        f"{RUN}/evaluation/report.html",
        "What its errors cost",
        "400 pictures, 3 more set aside",
        "new: tülip; no longer there: rose",
    ):
        assert said in page
    assert "mAP" not in page
    notice = approval_notice(review)["message"]
    assert "Top-1" in notice
    assert "0.900, in prod (version 2) 0.850" in notice
