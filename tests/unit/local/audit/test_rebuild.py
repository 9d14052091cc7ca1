"""A rebuild: started with the package's own data set and seed, followed, and compared."""

import json
from pathlib import Path
from typing import Any

import pytest
from audited_chain import ARN, FakeS3, archive

from config import Edgeline
from local.audit import rebuild as rebuilding
from local.audit.rebuild import comparison

RUNS = "s3://artifacts/runs/tags"
OLD_MODEL, NEW_MODEL = f"{RUNS}/old/model/t/output/model.tar.gz", f"{RUNS}/new/model/u/output/model.tar.gz"
EXECUTION = "arn:aws:sagemaker:eu-west-1:000000000000:pipeline/edgeline-tags/execution/new"


def evaluation(map50: float, *, dataset: str = "abc") -> bytes:
    scratch = {"ap50": map50, "boxes": 12, "recall": 0.5}
    return json.dumps(
        {
            "map50": map50, "map50_95": map50 / 2, "by_class": {"scratch": scratch},
            "dataset": {"manifest_sha256": dataset},
        }
    ).encode()  # fmt: skip


class FakeSageMaker:
    """The registry's package, and a pipeline whose execution ends as it is told to."""

    def __init__(self, *, status: str = "Succeeded", code: str = "code/one", seed: str | None = "11") -> None:
        self.status, self.code, self.seed = status, code, seed
        self.started: dict[str, Any] = {}
        self._asked = 0

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        assert ModelPackageName == ARN
        metadata = {
            "model": "tags", "dataset_manifest": f"{RUNS}/old/dataset/manifest.json",
            "evaluation": f"{RUNS}/old/evaluation/evaluation.json", "test_set": f"{RUNS}/old/test",
            "code": "s3://artifacts/code/one/", "git_commit": "0123abc",
        }  # fmt: skip
        if self.seed:
            metadata["seed"] = self.seed
        return {
            "ModelPackageGroupName": "edgeline-tags", "ModelPackageVersion": 3,
            "CustomerMetadataProperties": metadata,
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": OLD_MODEL}]},
        }  # fmt: skip

    def describe_pipeline(self, *, PipelineName: str) -> dict[str, Any]:  # noqa: N803
        assert PipelineName == "edgeline-tags"
        return {"PipelineDefinition": json.dumps({"code": f"s3://artifacts/{self.code}/"})}

    def start_pipeline_execution(self, **request: Any) -> dict[str, Any]:
        self.started = {each["Name"]: each["Value"] for each in request["PipelineParameters"]}
        return {"PipelineExecutionArn": EXECUTION}

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> dict[str, Any]:  # noqa: N803
        self._asked += 1
        status = self.status if self._asked > 1 else "Executing"
        return {"PipelineExecutionStatus": status, "FailureReason": "PrepareDataset: 1 of 3 pictures"}

    def list_pipeline_execution_steps(self, **request: Any) -> dict[str, Any]:
        status = "Executing" if self._asked < 2 else "Succeeded"
        return {"PipelineExecutionSteps": [{"StepName": "TrainDetector", "StepStatus": status}]}


@pytest.fixture
def s3() -> FakeS3:
    made = FakeS3()
    manifest = {"sha256": "abc", "as_of": "2026-11-21T12:00:00Z", "images": [{}, {}, {}]}
    made.objects[f"{RUNS}/old/dataset/manifest.json"] = json.dumps(manifest).encode()
    made.objects[OLD_MODEL] = archive({"model.onnx": b"weights"})
    made.objects[NEW_MODEL] = archive({"code/inference.py": b"", "model.onnx": b"weights"})
    made.objects[f"{RUNS}/old/evaluation/evaluation.json"] = evaluation(0.9)
    made.objects[f"{RUNS}/new/evaluation/evaluation.json"] = evaluation(0.895)
    return made


def rebuild(monkeypatch: pytest.MonkeyPatch, s3: FakeS3, sagemaker: FakeSageMaker) -> tuple[int, list[str]]:
    class Session:
        def client(self, service: str) -> Any:
            return {"s3": s3, "sagemaker": sagemaker}[service]

    monkeypatch.setattr("boto3.Session", Session)
    config = Edgeline.read(Path(__file__).parents[4] / "edgeline.toml")
    said: list[str] = []
    return rebuilding.rebuild(config, ARN, said.append, poll_seconds=0), said


def test_the_same_data_set_and_seed_are_trained_and_nothing_is_registered(
    monkeypatch: pytest.MonkeyPatch, s3: FakeS3
) -> None:
    sagemaker = FakeSageMaker()
    status, said = rebuild(monkeypatch, s3, sagemaker)
    assert status == 0
    assert sagemaker.started == {
        "DatasetManifest": f"{RUNS}/old/dataset/manifest.json", "AsOf": "2026-11-21T12:00:00Z",
        "Seed": "11", "GitCommit": "0123abc", "Register": "no",
    }  # fmt: skip
    assert [line for line in said if "TrainDetector" in line] == [
        "  TrainDetector: Executing", "  TrainDetector: Succeeded",
    ]  # fmt: skip
    assert "code s3://artifacts/code/one: that of the package" in said
    assert said[-2:] == ["model.onnx: the same bytes", "the metrics agree within the tolerance of 0.02"]


def test_metrics_that_are_apart_are_named(monkeypatch: pytest.MonkeyPatch, s3: FakeS3) -> None:
    s3.objects[f"{RUNS}/new/evaluation/evaluation.json"] = evaluation(0.87)
    s3.objects[NEW_MODEL] = archive({"model.onnx": b"other weights"})
    status, said = rebuild(monkeypatch, s3, FakeSageMaker())
    assert status == 1
    assert said[-2:] == ["model.onnx: other bytes", "map50 differs by more than the tolerance of 0.02"]


def test_code_and_seed_that_are_not_those_of_the_package_are_told(
    monkeypatch: pytest.MonkeyPatch, s3: FakeS3
) -> None:
    sagemaker = FakeSageMaker(code="code/two", seed=None)
    _, said = rebuild(monkeypatch, s3, sagemaker)
    assert any("has another than the package" in line and "0123abc" in line for line in said)
    assert any(line.startswith("seed: the package does not say which") for line in said)
    assert sagemaker.started["Seed"] == "7"


def test_a_training_that_fails_is_no_comparison(monkeypatch: pytest.MonkeyPatch, s3: FakeS3) -> None:
    status, said = rebuild(monkeypatch, s3, FakeSageMaker(status="Failed"))
    assert status == 2
    assert said[-1] == "error: the training is Failed: PrepareDataset: 1 of 3 pictures"


def test_a_training_on_other_data_is_no_comparison(monkeypatch: pytest.MonkeyPatch, s3: FakeS3) -> None:
    s3.objects[f"{RUNS}/new/evaluation/evaluation.json"] = evaluation(0.9, dataset="other")
    status, said = rebuild(monkeypatch, s3, FakeSageMaker())
    assert status == 2
    assert said[-1] == "error: trained on the data set other, not on abc"


def test_the_comparison_has_every_class_beside_all_of_them() -> None:
    lines = comparison(json.loads(evaluation(0.9)), json.loads(evaluation(0.8)))
    assert [line.split()[:2] for line in lines[1:]] == [
        ["map50", "0.9000"], ["map50_95", "0.4500"], ["scratch", "ap50"], ["scratch", "recall"],
    ]  # fmt: skip
    assert lines[1].endswith("-0.1000")
