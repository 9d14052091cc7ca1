"""The check of the data in its role, on S3 with versions and IAM enforced, and the same version elsewhere."""

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_line import ROOT, deployed

from local.cloud.server import LocalCloud
from pipeline_defs.classification.dataset import read_header, read_images
from pipeline_defs.classification.settings import ClassificationSettings, Quality, settings_json

pytestmark = pytest.mark.acceptance  # two stacks are deployed

NAME = "check-test"
TOML = f"""
name = "{NAME}"
parts = ["training"]
[models.flowers]
task = "classification"
classes = ["tulip", "daffodil"]
"""
CLASSES = ("tulip", "daffodil")
FILES = ("images.jsonl", "manifest.json", "quarantine.jsonl", "report.json")


def picture(seed: int) -> bytes:
    """A JPEG that no other one resembles."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((90, 80), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


@dataclass
class Pictures:
    """The deployed data and training parts, a bucket filled by hand, and the job to run on it."""

    cloud: LocalCloud
    data: dict[str, str]
    training: dict[str, str]

    def __post_init__(self) -> None:
        self.s3 = self.cloud.root_session().client("s3")
        self.bucket = self.data["ImagesBucket"]
        self.run = f"s3://{self.data['ArtifactsBucket']}/runs/flowers/1/dataset"

    def put(self, name: str, content: bytes) -> str:
        """Upload a picture; return its version."""
        key = f"images/flowers/{name}"
        version: str = self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)["VersionId"]
        return version

    def job(self, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a script as a job of the pipeline would."""
        arn = self.training["JobRoleArn"]
        role = self.cloud.service_credentials(arn, "sagemaker.amazonaws.com", "check")
        return subprocess.run(
            [sys.executable, "-m", f"pipeline_defs.classification.scripts.{script}", *arguments],
            cwd=ROOT, env=self.cloud.environment(role), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def check(self, folder: Path, source: str = "") -> "subprocess.CompletedProcess[str]":
        """Check as the pipeline does."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = ClassificationSettings(
            name="flowers",
            tree="flowers",
            labels={name: (name,) for name in CLASSES},
            source=source or f"s3://{self.bucket}/images/flowers/",
            quality=Quality(min_pictures=5, max_quarantined=0.3),
        )
        (folder / "flowers.json").write_text(settings_json(settings))
        return self.job("check_data", f"--settings={folder / 'flowers.json'}", f"--output-dir={folder}")

    def store(self, folder: Path) -> None:
        """Put the version where a run puts it."""
        for name in FILES:
            content = (folder / "dataset" / name).read_bytes()
            key = f"runs/flowers/1/dataset/{name}"
            self.s3.put_object(Bucket=self.data["ArtifactsBucket"], Key=key, Body=content)


@pytest.fixture(scope="module")
def pictures(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    toml = tmp_path_factory.mktemp("toml") / "edgeline.toml"
    toml.write_text(TOML)
    return Pictures(cloud, *deployed(cloud, tmp_path_factory.mktemp("assembly"), NAME, toml))


@pytest.fixture(scope="module")
def versions(pictures: Pictures) -> dict[str, str]:
    """The newest version of each good picture; beside them older versions, deleted and bad pictures."""
    pictures.put("tulip/0 ü.jpg", picture(900))
    kept = {
        f"{name}/{seed} ü.jpg": pictures.put(f"{name}/{seed} ü.jpg", picture(100 * number + seed))
        for number, name in enumerate(CLASSES)
        for seed in range(6)
    }
    pictures.put("tulip/copy.jpg", picture(0))
    pictures.put("daffodil/half.jpg", picture(50)[:1000] + b"\xff\xd9")
    pictures.put("oak/0.jpg", picture(60))
    pictures.put("tulip/deleted.jpg", picture(61))
    pictures.s3.delete_object(Bucket=pictures.bucket, Key="images/flowers/tulip/deleted.jpg")
    return kept


@pytest.fixture(scope="module")
def checked(pictures: Pictures, versions: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version as the job wrote it."""
    folder = tmp_path_factory.mktemp("first")
    done = pictures.check(folder)
    assert done.returncode == 0, done.stderr
    pictures.store(folder)
    return folder


def test_the_job_reads_the_newest_versions_and_names_them(
    pictures: Pictures, versions: dict[str, str], checked: Path
) -> None:
    header = read_header(checked / "dataset")
    images = {image.uri: image for image in read_images(checked / "dataset")}
    prefix = f"s3://{pictures.bucket}/images/flowers/"
    assert {uri: image.version_id for uri, image in images.items()} == {
        prefix + name: version for name, version in versions.items()
    }
    lines = [json.loads(line) for line in (checked / "dataset/quarantine.jsonl").read_text().splitlines()]
    assert {line["uri"].removeprefix(prefix): line["reason"] for line in lines} == {
        "tulip/copy.jpg": "duplicate",
        "daffodil/half.jpg": "broken",
    }
    assert header.document["counts"] == {"tulip": 6, "daffodil": 6}
    assert json.loads((checked / "dataset/report.json").read_text())["ignored"]["of_other_classes"] == 1


def test_a_manifest_on_s3_gives_the_same_pictures_and_their_versions(
    pictures: Pictures, versions: dict[str, str], checked: Path, tmp_path: Path
) -> None:
    uris = {name: f"s3://{pictures.bucket}/images/flowers/{name}" for name in versions}
    lines = [json.dumps({"source-ref": uri, "class": name.split("/")[0]}) for name, uri in uris.items()]
    key = "labels/flowers/all.manifest"
    pictures.s3.put_object(Bucket=pictures.data["ArtifactsBucket"], Key=key, Body="\n".join(lines).encode())
    done = pictures.check(tmp_path, f"s3://{pictures.data['ArtifactsBucket']}/{key}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dataset/images.jsonl").read_bytes() == (checked / "dataset/images.jsonl").read_bytes()


def test_after_the_bucket_has_changed_the_version_is_made_again_byte_for_byte(
    pictures: Pictures, versions: dict[str, str], checked: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(versions):
        if number % 3 == 0:
            pictures.s3.delete_object(Bucket=pictures.bucket, Key=f"images/flowers/{name}")
        else:
            pictures.put(name, picture(700 + number))
    again = pictures.job(
        "check_data", f"--settings={checked / 'flowers.json'}", f"--output-dir={tmp_path / 'again'}",
        f"--dataset-manifest={pictures.run}/manifest.json",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    done = pictures.job(
        "recreate", f"--dataset-manifest={pictures.run}/manifest.json", f"--output-dir={tmp_path / 'all'}"
    )
    assert done.returncode == 0, done.stderr
    for folder in ("again", "all"):
        for name in FILES:
            assert (tmp_path / folder / "dataset" / name).read_bytes() == (
                checked / "dataset" / name
            ).read_bytes()
    written = {path.read_bytes() for path in (tmp_path / "all" / "pictures").glob("*/*.jpg")}
    assert written == {picture(100 * number + seed) for number in range(2) for seed in range(6)}


def test_a_version_that_is_gone_is_named_and_nothing_is_left(
    pictures: Pictures, versions: dict[str, str], checked: Path, tmp_path: Path
) -> None:
    name, version = next(iter(versions.items()))
    key = f"images/flowers/{name}"
    pictures.s3.delete_object(Bucket=pictures.bucket, Key=key, VersionId=version)
    manifest = f"--dataset-manifest={pictures.run}/manifest.json"
    done = pictures.job("recreate", manifest, f"--output-dir={tmp_path / 'out'}")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: 1 of 12 pictures are not those of the manifest: s3://{pictures.bucket}/{key} (version "
        f"{version}) cannot be downloaded: NoSuchVersion: restore them from a copy, or check the data anew\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_a_prefix_that_the_role_may_not_list_ends_the_job_in_one_line(
    pictures: Pictures, tmp_path: Path
) -> None:
    done = pictures.check(tmp_path, f"s3://{pictures.data['ArtifactsBucket']}/evidence/")
    assert done.returncode == 1
    assert done.stderr.startswith("error: AWS: An error occurred (AccessDenied)")
    assert "ListObjectVersions" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "dataset").exists()
