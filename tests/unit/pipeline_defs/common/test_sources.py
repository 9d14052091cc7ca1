import gzip
import io
import tarfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from pipeline_defs.common.sources import Sources

ROOT = Path(__file__).parents[4]


class Bucket:
    """The three calls of S3 that an upload makes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fails_at = ""

    def head_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        if Key not in self.objects:
            response = {"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
            raise ClientError(response, "HeadObject")  # type: ignore[arg-type]

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        if self.fails_at and Key.endswith(self.fails_at):
            raise ConnectionError(Key)
        self.objects[Key] = Body


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in {
        "pipeline_defs/run_job.sh": "#!/bin/sh\n",
        "pipeline_defs/detection/train.py": "print(1)\n",
        "pipeline_defs/__pycache__/train.cpython-311.pyc": "compiled",
        "inference/detector.py": "pass\n",
        "inference/requirements.txt": "numpy\n",
        "requirements-jobs.txt": "numpy\n",
        "local/secret.py": "no",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_jobs_get_their_packages_and_requirements_and_nothing_else(checkout: Path) -> None:
    assert list(Sources.collect(checkout).files) == [
        "inference/detector.py",
        "inference/requirements.txt",
        "pipeline_defs/detection/train.py",
        "pipeline_defs/run_job.sh",
        "requirements-jobs.txt",
        "requirements.txt",
    ]


def test_the_repository_has_what_the_jobs_start_with() -> None:
    files = Sources.collect(ROOT).files
    assert {"pipeline_defs/run_job.sh", "pipeline_defs/detection/scripts/train.py"} <= files.keys()
    assert files["requirements.txt"] == files["requirements-jobs.txt"]


def test_the_prefix_changes_with_content_and_path_only(checkout: Path) -> None:
    before = Sources.collect(checkout).prefix
    (checkout / "inference/detector.py").touch()
    assert Sources.collect(checkout).prefix == before
    (checkout / "inference/detector.py").write_text("pass \n")
    assert Sources.collect(checkout).prefix != before
    assert before.startswith("code/")
    assert before.endswith("/")


def test_the_archive_is_the_same_bytes_for_the_same_sources(checkout: Path) -> None:
    sources = Sources.collect(checkout)
    archive = sources.archive()
    assert archive == Sources.collect(checkout).archive()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as tar:
        assert tar.getnames() == list(sources.files)
        assert tar.getmember("pipeline_defs/run_job.sh").mode == 0o755
        assert {member.mtime for member in tar} == {0}


def test_the_same_sources_are_uploaded_once(checkout: Path) -> None:
    bucket, sources = Bucket(), Sources.collect(checkout)
    assert sources.upload(bucket, "artifacts") is True
    assert bucket.objects[f"{sources.prefix}inference/detector.py"] == b"pass\n"
    assert bucket.objects[f"{sources.prefix}sourcedir.tar.gz"] == sources.archive()
    bucket.objects[f"{sources.prefix}inference/detector.py"] = b"kept"
    assert sources.upload(bucket, "artifacts") is False
    assert bucket.objects[f"{sources.prefix}inference/detector.py"] == b"kept"


def test_an_interrupted_upload_is_done_again(checkout: Path) -> None:
    bucket, sources = Bucket(), Sources.collect(checkout)
    bucket.fails_at = "run_job.sh"
    with pytest.raises(ConnectionError):
        sources.upload(bucket, "artifacts")
    bucket.fails_at = ""
    assert sources.upload(bucket, "artifacts") is True
    assert len(bucket.objects) == len(sources.files) + 1
