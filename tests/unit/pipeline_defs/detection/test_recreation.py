"""A data set made again from its manifest: the same bytes, or an error that names what is not the same."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.labels import LabelRow
from pipeline_defs.detection.preparation import (
    Request,
    Unavailable,
    fetch_pictures,
    make_dataset,
    write_dataset,
)
from pipeline_defs.detection.recreation import read_manifest, recreate
from pipeline_defs.detection.split import Assignment

URI = "s3://artifacts/runs/tags/1/dataset/manifest.json"
REQUEST = Request("tags", ("scratch",), "2026-11-21T12:00:00Z", "edgeline-labels", "SELECT", "", 7)


def png(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 36, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def row(uri: str, content: bytes, group: str) -> LabelRow:
    return LabelRow(
        uri=uri,
        event_time="2026-11-21T10:00:00Z",
        sha256=hashlib.sha256(content).hexdigest(),
        group=group,
        boxes='[{"label":"scratch","left":2,"top":3,"width":10.5,"height":5}]',
        width=36,
        height=24,
        labeling_job="round-1",
        approved=True,
        deleted=False,
    )


@pytest.fixture
def bucket() -> dict[str, bytes]:
    return {f"s3://images/images/tags/{number:02}.png": png(number) for number in range(12)}


@pytest.fixture
def made(bucket: dict[str, bytes], tmp_path: Path) -> Path:
    """A data set as the labels gave it."""
    rows = [row(uri, content, f"plate-{n // 2}") for n, (uri, content) in enumerate(bucket.items())]
    usable, aside = fetch_pictures(
        rows, bucket.__getitem__, tmp_path / "down", classes=REQUEST.classes, with_details=False
    )
    dataset = make_dataset(REQUEST, usable, aside, lambda assign: assign(Assignment()))
    write_dataset(dataset, tmp_path / "made")
    return tmp_path / "made"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "report.json"
    }


def test_a_data_set_is_made_again_byte_for_byte(made: Path, bucket: dict[str, bytes], tmp_path: Path) -> None:
    manifest = read_manifest((made / "dataset" / "manifest.json").read_bytes(), URI)
    sha256 = recreate(manifest, bucket.__getitem__, tmp_path / "again")
    assert sha256 == manifest["sha256"]
    assert files(tmp_path / "again") == files(made)
    assert len(files(made)) == 12 + 3 + 1


def test_a_manifest_that_was_changed_is_refused_by_its_hash(made: Path) -> None:
    document = json.loads((made / "dataset" / "manifest.json").read_text())
    document["images"][0]["boxes"][0]["left"] = 3
    with pytest.raises(JobError, match=f"{URI}: its content has the SHA-256 [0-9a-f]+, but it says"):
        read_manifest(json.dumps(document).encode(), URI)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"sha256": "a"}', b"\xff"])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(JobError, match=f"{URI}: not a data set manifest"):
        read_manifest(content, URI)


def test_a_changed_picture_and_one_that_is_gone_are_named(
    made: Path, bucket: dict[str, bytes], tmp_path: Path
) -> None:
    manifest = read_manifest((made / "dataset" / "manifest.json").read_bytes(), URI)
    changed, gone = "s3://images/images/tags/03.png", "s3://images/images/tags/07.png"
    bucket[changed] = bucket[changed][:-1] + b"\x00"

    def fetch(uri: str) -> bytes:
        if uri == gone:
            raise Unavailable("cannot be downloaded: NoSuchKey")
        return bucket[uri]

    with pytest.raises(JobError) as caught:
        recreate(manifest, fetch, tmp_path / "again")
    assert "2 of 12 pictures are not those of the manifest" in str(caught.value)
    assert f"{changed} its SHA-256 is" in str(caught.value)
    assert f"{gone} cannot be downloaded: NoSuchKey" in str(caught.value)
    assert not (tmp_path / "again" / "dataset").exists()
