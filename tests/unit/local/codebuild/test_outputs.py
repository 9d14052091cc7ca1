from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.codebuild.buildspec import Buildspec, Files, parse
from local.codebuild.outputs import pipeline_targets, project_targets, upload
from local.codebuild.phase_error import PhaseError
from local.codebuild.pipeline_run import PipelineRun, S3Location

BOTH = parse("""
version: 0.2
phases: {build: {commands: []}}
artifacts:
  files: [main]
  name: name-of-$X
  secondary-artifacts:
    Docs: {files: [docs]}
    More: {files: [more]}
""")


class S3:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put: dict[str, Any] = {}

    def upload_file(self, path: str, bucket: str, key: str, ExtraArgs: Any) -> None:  # noqa: N803
        copy = self.folder / f"{len(self.put)}"
        copy.write_bytes(Path(path).read_bytes())
        self.put[f"{bucket}/{key}"] = (copy, ExtraArgs)


def run(*outputs: str) -> PipelineRun:
    places = {name: S3Location("store", name) for name in outputs}
    return PipelineRun(pipeline="p", inputs={}, primary="", outputs=places, encryption_key="key")


@pytest.mark.parametrize(
    ("outputs", "taken"),
    [
        (("Any",), {"Any": "main"}),
        (("Docs",), {"Docs": "docs"}),
        (("Docs", "More"), {"Docs": "docs", "More": "more"}),
        ((), {}),
    ],
)
def test_output_artifacts_of_a_pipeline(outputs: tuple[str, ...], taken: dict[str, str]) -> None:
    found = pipeline_targets(run(*outputs), BOTH, "own")
    assert {t.place.key: t.files.files[0] for t in found} == taken
    assert all((t.zipped, t.encryption_key) == (True, "key") for t in found)


def test_output_artifact_that_the_buildspec_does_not_make_fails() -> None:
    with pytest.raises(PhaseError, match="no artifacts for the output artifact Other"):
        pipeline_targets(run("Docs", "Other"), BOTH, "own")
    with pytest.raises(PhaseError, match="no artifacts for the output artifact Any"):
        pipeline_targets(run("Any"), Buildspec({}), "own")


@pytest.mark.parametrize(
    ("artifact", "key"),
    [
        ({"name": "made.zip", "path": "/a/b/", "namespaceType": "BUILD_ID"}, "a/b/uuid/made.zip"),
        ({"name": "made.zip"}, "made.zip"),
        ({"name": "/"}, ""),
        ({"name": "made", "overrideArtifactName": True}, "name-of-7"),
        ({}, "p"),
    ],
)
def test_place_of_an_artifact_of_a_project(artifact: dict[str, Any], key: str) -> None:
    project = {
        "name": "p", "encryptionKey": "own", "artifacts": {"type": "S3", "location": "bucket", **artifact}
    }  # fmt: skip
    (target,) = project_targets(project, "p:uuid", BOTH, lambda text: text.replace("$X", "7"))
    assert target.place == S3Location("bucket", key)


def test_secondary_artifact_needs_its_description() -> None:
    secondary = [{"type": "S3", "location": "b", "artifactIdentifier": "Gone"}]
    project = {
        "name": "p", "encryptionKey": "", "artifacts": {"type": "NO_ARTIFACTS"},
        "secondaryArtifacts": secondary,
    }  # fmt: skip
    with pytest.raises(PhaseError, match="secondary artifact Gone"):
        project_targets(project, "p:uuid", BOTH, str)


def test_files_go_up_zipped_or_one_by_one_with_the_key(tmp_path: Path) -> None:
    root, s3 = tmp_path / "src", S3(tmp_path)
    (root / "docs").mkdir(parents=True)
    (root / "docs/a.txt").write_text("a")
    project = {
        "name": "p", "encryptionKey": "arn:aws:kms:::key/1",
        "artifacts": {"type": "S3", "location": "b", "name": "z", "packaging": "ZIP"},
    }  # fmt: skip
    buildspec = Buildspec({}, artifacts=Files(("docs/*",)))
    for packaging in ("ZIP", "NONE"):
        project["artifacts"] = {"type": "S3", "location": "b", "name": "z", "packaging": packaging}
        for target in project_targets(project, "p:1", buildspec, str):
            upload(target, root, tmp_path, s3)
    assert sorted(s3.put) == ["b/z", "b/z/docs/a.txt"]
    with zipfile.ZipFile(s3.put["b/z"][0]) as zipped:
        assert zipped.namelist() == ["docs/a.txt"]
    expected = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:::key/1"}
    assert {extra["SSEKMSKeyId"] for _, extra in s3.put.values()} == {expected["SSEKMSKeyId"]}


def test_patterns_without_a_file_fail(tmp_path: Path) -> None:
    (target,) = pipeline_targets(run("Any"), BOTH, "")
    with pytest.raises(PhaseError, match="no matching artifact paths found: main"):
        upload(target, tmp_path, tmp_path, S3(tmp_path))
