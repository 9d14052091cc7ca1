"""The chain from a classifier's package to the versions of its pictures."""

import hashlib
import io
import json
import tarfile
from typing import Any

import pytest
from audited_chain import FakeS3

from lambdas.promotion.check_artifacts import labels_sha256
from local.audit.finding import Audit, Finding
from local.audit.objects import Objects
from local.audit.package import PackageAudit
from local.audit.rebuild import comparison
from pipeline_defs.classification.dataset import Image
from pipeline_defs.common.documents import canonical_sha256
from pipeline_defs.common.sources import ARCHIVE, Sources

RUN = "s3://artifacts/runs/flowers/abc"
LABELS = ("daffodil", "tulip")
MODEL = f"{RUN}/model/train/output/model.tar.gz"


class VersionedS3(FakeS3):
    """Pictures are asked for by version; `uri?version` is where one lies."""

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        return super().get_object(Bucket=Bucket, Key=f"{Key}?{VersionId}" if VersionId else Key)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def chain() -> tuple[VersionedS3, dict[str, Any]]:
    s3 = VersionedS3()
    objects = s3.objects
    lines = []
    for number in range(3):
        uri, content = f"s3://images/images/species/tulip/{number}.jpg", f"picture {number}".encode()
        objects[f"{uri}?v1"] = content
        objects[uri] = b"written over since"
        image = Image(uri, "v1", sha256(content), 9, "JPEG", 4, 3, "tulip", "tulip", "0" * 16, str(number))
        lines.append(image.line())
    objects[f"{RUN}/dataset/images.jsonl"] = b"".join(lines)
    listed = {"file": "images.jsonl", "sha256": sha256(b"".join(lines)), "count": 3}
    header: dict[str, Any] = {"version": 2, "model": "flowers", "images": listed}
    header["sha256"] = canonical_sha256(header)
    objects[f"{RUN}/dataset/manifest.json"] = json.dumps(header).encode()
    objects[f"{RUN}/test/test.rec"] = b"records"
    records = {"file": "test.rec", "sha256": sha256(b"records")}
    labels = {"dataset_sha256": header["sha256"], "records": records}
    objects[f"{RUN}/test/labels.json"] = json.dumps(labels).encode()
    objects[f"{RUN}/test/label_map.json"] = json.dumps({"labels": LABELS}).encode()
    objects[MODEL] = packed(b"onnx")
    evaluation = {
        "task": "classification",
        "top1": 0.9,
        "top5": 1.0,
        "dataset": {"manifest_sha256": header["sha256"]},
        "model_sha256": sha256(objects[MODEL]),
    }
    objects[f"{RUN}/evaluation/evaluation.json"] = json.dumps(evaluation).encode()
    sources = Sources({"run.py": b"code"})
    code = f"s3://artifacts/{sources.prefix}".rstrip("/")
    objects[f"{code}/run.py"], objects[f"{code}/{ARCHIVE}"] = b"code", sources.archive()
    metadata = {
        "model": "flowers",
        "task": "classification",
        "label_map_sha256": labels_sha256(LABELS),
        "dataset_manifest": f"{RUN}/dataset/manifest.json",
        "evaluation": f"{RUN}/evaluation/evaluation.json",
        "test_set": f"{RUN}/test",
        "code": code,
    }
    package = {
        "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:000000000000:model-package/edgeline-flowers/3",
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"ModelDataUrl": MODEL}]},
        "CustomerMetadataProperties": metadata,
    }
    return s3, package


def packed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("model.onnx")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def walk(chain: tuple[VersionedS3, dict[str, Any]]) -> list[Finding]:
    audit = Audit(lambda line: None)
    PackageAudit(audit, Objects(chain[0]), chain[1]).walk()
    return audit.findings


def test_the_chain_holds_by_the_versions_of_the_pictures(chain: tuple[VersionedS3, dict[str, Any]]) -> None:
    found = walk(chain)
    assert [str(finding) for finding in found if finding.wrong] == []
    assert {finding.link for finding in found} == {
        "model package", "evaluation", "model", "measured on", "code", "code archive", "dataset manifest",
        "records", "labels", "label map", "list of pictures", "picture",
    }  # fmt: skip


@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_changed_byte_anywhere_is_found_and_named(
    chain: tuple[VersionedS3, dict[str, Any]], how: str
) -> None:
    objects = chain[0].objects
    for uri, content in list(objects.items()):
        if content == b"written over since":
            continue
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        if how == "gone":
            del objects[uri]
        else:
            objects[uri] = changed
        wrong = [finding for finding in walk(chain) if finding.wrong]
        folder, name = uri.split("?")[0].rpartition("/")[::2]
        # What an evaluation says of its data set is compared with the manifest.
        named = "manifest.json" if name == "evaluation.json" and how == "changed" else name
        assert any(named in str(one) or one.subject.rstrip("/") in folder for one in wrong), (uri, wrong)
        objects[uri] = content
    assert not [finding for finding in walk(chain) if finding.wrong]


def test_a_classifier_that_was_trained_anew_is_compared_by_its_own_metrics() -> None:
    row = {"precision": 0.9, "recall": 0.8, "f1": 0.85, "images": 20}
    before = {"task": "classification", "top1": 0.9, "top5": 1.0, "by_class": {"tulip": row}}
    lines = comparison(before, {**before, "top1": 0.85})
    assert any(line.split()[:3] == ["top1", "0.9000", "0.8500"] for line in lines)
    assert any("tulip recall" in line for line in lines)
