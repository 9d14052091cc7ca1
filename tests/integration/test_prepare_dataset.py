"""The data set job in its role, against the deployed labels: Feature Store, Athena, S3, IAM enforced."""

import hashlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from training_line import deployed

from local.cloud.server import LocalCloud

ROOT = Path(__file__).parents[2]
NAME = "prepare-test"
LABELED, LATER = "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z"
BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10}


@dataclass
class Labels:
    """The deployed data and training parts, filled by hand, and the job to run on them."""

    cloud: LocalCloud
    data: dict[str, str]
    training: dict[str, str]

    def __post_init__(self) -> None:
        self.root = self.cloud.root_session()
        self.s3 = self.root.client("s3")
        self._features = self.root.client("sagemaker-featurestore-runtime")

    def label(self, name: str, seed: int, *, at: str = LABELED, **changes: str) -> str:
        """Upload a picture like no other and put its label; return its URI."""
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        key = f"images/tags/{name}"
        self.s3.put_object(Bucket=self.data["ImagesBucket"], Key=key, Body=stream.getvalue())
        uri = f"s3://{self.data['ImagesBucket']}/{key}"
        record = {
            "image_uri": uri, "event_time": at, "model": "tags",
            "image_sha256": hashlib.sha256(stream.getvalue()).hexdigest(), "width": "60", "height": "40",
            "object_group": "", "boxes": json.dumps([BOX]), "approved": "1", "labeling_job": "round-1",
            "labeled_by": "ann", "verified_by": "bob", **changes,
        }  # fmt: skip
        self._features.put_record(
            FeatureGroupName=self.data["FeatureGroup"],
            Record=[{"FeatureName": name, "ValueAsString": value} for name, value in record.items()],
        )
        return uri

    def manifest(self, uris: list[str]) -> str:
        """Write the labels manifest of a round, as the labeling part does."""
        lines = [json.dumps({"source-ref": uri, "event-time": LABELED}) for uri in uris]
        key = "labels/tags/round.manifest"
        self.s3.put_object(Bucket=self.data["ArtifactsBucket"], Key=key, Body="\n".join(lines).encode())
        return f"s3://{self.data['ArtifactsBucket']}/{key}"

    def prepare(self, output: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Run the script as the job's role would."""
        arn = self.training["JobRoleArn"]
        role = self.cloud.service_credentials(arn, "sagemaker.amazonaws.com", "prepare")
        options = {
            "feature-group": self.data["FeatureGroup"], "workgroup": self.training["Workgroup"],
            "artifacts-bucket": self.data["ArtifactsBucket"], "as-of": LATER, "model": "tags",
            "classes": "scratch", "seed": "7", "output-dir": str(output), **changes,
        }  # fmt: skip
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        script = "pipeline_defs.detection.scripts.prepare"
        return subprocess.run(
            [sys.executable, "-m", script, *arguments], cwd=ROOT, env=self.cloud.environment(role),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def labels(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Labels:
    return Labels(cloud, *deployed(cloud, tmp_path_factory.mktemp("assembly"), NAME))


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_job_makes_a_frozen_data_set_and_keeps_it_frozen(labels: Labels, tmp_path: Path) -> None:
    uris = [labels.label(f"{n}.png", n, object_group=f"plate-{n // 2}") for n in range(12)]
    labels.label("rejected.png", 20, approved="0")
    labels.label("too-new.png", 21, at="2026-11-20T12:00:00Z")
    changed = labels.label("changed.png", 22, image_sha256="0" * 64, object_group="plate-0")
    done = labels.prepare(tmp_path / "one", labels_manifest=labels.manifest(uris))
    assert done.returncode == 0, done.stderr
    manifest = read(tmp_path / "one" / "dataset" / "manifest.json")
    assert {image["uri"] for image in manifest["images"]} == set(uris)
    assert [entry["uri"] for entry in manifest["set_aside"]] == [changed]
    assert manifest["grouping"] == "given"
    more = labels.label("more.png", 23, object_group="plate-3")
    again = labels.prepare(tmp_path / "two", labels_manifest=labels.manifest([more]), seed="8")
    assert again.returncode == 0, again.stderr
    later = read(tmp_path / "two" / "dataset" / "manifest.json")
    before, sides = ({image["uri"]: image["split"] for image in each["images"]} for each in (manifest, later))
    assert before.items() <= sides.items()
    assert sides[more] == sides[uris[6]]


def test_a_label_that_never_shows_ends_the_job_in_one_line(labels: Labels, tmp_path: Path) -> None:
    manifest = labels.manifest(["s3://nowhere/images/tags/absent.png"])
    done = labels.prepare(tmp_path, labels_manifest=manifest, visible_timeout_seconds="2")
    assert done.returncode == 1
    assert done.stderr.startswith("error: 1 of 1 labels are not in the offline store after")
    assert done.stderr.count("\n") == 1


def test_what_the_role_may_not_do_ends_the_job_in_one_line(labels: Labels, tmp_path: Path) -> None:
    done = labels.prepare(tmp_path, workgroup="primary")
    assert done.returncode == 1
    assert done.stderr.startswith("error: AWS:")
    assert "AccessDenied" in done.stderr
    assert done.stderr.count("\n") == 1
