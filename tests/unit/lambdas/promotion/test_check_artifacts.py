"""What a package names is what was registered, or the promotion ends before anything is deployed."""

import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.common.packages import UnusablePackage
from lambdas.promotion import check_artifacts
from lambdas.promotion.check_artifacts import ArtifactChanged, ArtifactMissing, handler, manifest_sha256
from pipeline_defs.detection.preparation import canonical_sha256

RUN = "s3://artifacts/runs/tags/1"
MODEL, MANIFEST = f"{RUN}/model/train/output/model.tar.gz", f"{RUN}/dataset/manifest.json"
LABELS, EVALUATION = f"{RUN}/test/labels.json", f"{RUN}/evaluation/evaluation.json"
EVENT = {
    "package": {
        "model_data": MODEL, "evaluation": EVALUATION, "dataset_manifest": MANIFEST,
        "test_set": f"{RUN}/test/",
    }
}  # fmt: skip


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        while block := self.read(size):
            yield block


class FakeS3:
    def __init__(self) -> None:
        manifest: dict[str, Any] = {"model": "tags", "images": [{"uri": "é"}]}
        manifest["sha256"] = canonical_sha256(manifest)
        model = b"model" * 500_000
        evaluation = {
            "model_sha256": hashlib.sha256(model).hexdigest(),
            "dataset": {"manifest_sha256": manifest["sha256"]},
        }
        self.objects: dict[str, bytes] = {
            MODEL: model,
            MANIFEST: json.dumps(manifest).encode(),
            EVALUATION: json.dumps(evaluation).encode(),
            LABELS: json.dumps({"dataset_sha256": manifest["sha256"]}).encode(),
        }

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        uri = f"s3://{Bucket}/{Key}"
        if uri not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": Body(self.objects[uri])}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    made = FakeS3()
    monkeypatch.setattr(boto3, "client", lambda service: made)
    return made


def test_what_was_registered_goes_on_with_its_hashes(s3: FakeS3) -> None:
    found = handler(EVENT, None)
    assert found["model_sha256"] == hashlib.sha256(s3.objects[MODEL]).hexdigest()
    assert found["dataset_sha256"] == json.loads(s3.objects[MANIFEST])["sha256"]


def test_the_functions_hash_of_a_manifest_is_that_of_the_job_that_wrote_it(s3: FakeS3) -> None:
    manifest = json.loads(s3.objects[MANIFEST])
    assert manifest_sha256(manifest) == manifest["sha256"]


@pytest.mark.parametrize("uri", [MODEL, MANIFEST, EVALUATION, LABELS])
def test_what_is_gone_is_named(s3: FakeS3, uri: str) -> None:
    del s3.objects[uri]
    with pytest.raises(ArtifactMissing, match=f"{uri} is gone"):
        handler(EVENT, None)


@pytest.mark.parametrize(("lacking", "uri"), [("model_sha256", MODEL), ("dataset", MANIFEST)])
def test_an_evaluation_that_is_too_old_to_say_what_it_measured_is_told_from_a_changed_artifact(
    s3: FakeS3, lacking: str, uri: str
) -> None:
    evaluation = json.loads(s3.objects[EVALUATION])
    del evaluation[lacking]
    s3.objects[EVALUATION] = json.dumps(evaluation).encode()
    with pytest.raises(UnusablePackage, match=f"{uri}: what its evaluation .* is not said in it"):
        handler(EVENT, None)


@pytest.mark.parametrize(
    ("uri", "old", "new"),
    [(MODEL, b"model", b"modeL"), (MANIFEST, b"tags", b"tagz"), (LABELS, b'256": "', b'256": "0')],
)
def test_what_was_changed_is_named(s3: FakeS3, uri: str, old: bytes, new: bytes) -> None:
    s3.objects[uri] = s3.objects[uri].replace(old, new, 1)
    with pytest.raises(ArtifactChanged, match=f"{uri}: its SHA-256 is .*, but its evaluation"):
        handler(EVENT, None)


def test_a_file_that_is_no_json_any_more_is_named(s3: FakeS3) -> None:
    s3.objects[LABELS] = b"\xff{"
    with pytest.raises(ArtifactChanged, match=f"{LABELS}: it is no JSON any more"):
        handler(EVENT, None)


def test_another_error_of_s3_stays_what_it_is(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    monkeypatch.setattr(s3, "get_object", denied)
    with pytest.raises(ClientError, match="AccessDenied"):
        handler(EVENT, None)


def test_a_model_is_hashed_block_by_block() -> None:
    assert len(FakeS3().objects[MODEL]) > check_artifacts._BLOCK
