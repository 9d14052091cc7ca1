"""A version made again from its manifest on another machine, after the bucket has changed."""

import filecmp
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from checked_data import SPECIES
from test_data_check import again, draw
from versioned_bucket import VersionedBucket

from pipeline_defs.classification.data_check import check_data
from pipeline_defs.classification.dataset import read_images
from pipeline_defs.classification.examination import Examination
from pipeline_defs.classification.listing import Listed, Listing
from pipeline_defs.classification.recreation import recreate
from pipeline_defs.classification.settings import Quality
from pipeline_defs.common.job import JobError
from pipeline_defs.common.objects import Fetched, fetch_version

SETTINGS = replace(SPECIES, quality=Quality(min_pictures=3))
RUN = "runs/species/1/dataset/"
MANIFEST = f"s3://b/{RUN}manifest.json"
NAMES = ("images.jsonl", "manifest.json", "quarantine.jsonl", "report.json")


@dataclass
class FromBucket:
    bucket: VersionedBucket

    def __call__(self, listed: Listed, max_bytes: int) -> Fetched:
        return fetch_version(self.bucket, listed.uri, listed.version_id, max_bytes=max_bytes)


@pytest.fixture
def bucket(tmp_path: Path) -> VersionedBucket:
    """Pictures of three classes with a bad one, checked; the version's files lie where a run puts them."""
    bucket = VersionedBucket()
    for number, name in enumerate(SETTINGS.classes):
        for seed in range(4):
            bucket.put(f"images/species/{name}/{seed} ü.jpg", draw(100 * number + seed))
    bucket.put("images/species/tulip/near.jpg", again(draw(0)))
    bucket.put("images/species/tulip/bad.jpg", draw(50)[:800])
    listing = Listing("s3://b/images/species/", SETTINGS.classes, bucket)
    examination = Examination(SETTINGS.quality, FromBucket(bucket))
    check_data(SETTINGS, listing, examination, tmp_path / "first", as_of="2026-11-21T12:00:00Z", processes=1)
    for name in NAMES:
        bucket.put(RUN + name, (tmp_path / "first" / "dataset" / name).read_bytes())
    return bucket


def remade(bucket: VersionedBucket, output: Path, **options: object) -> str:
    return recreate(MANIFEST, output, s3=bucket, read=FromBucket(bucket), **options).sha256


def same_files(tmp_path: Path, output: Path) -> bool:
    _, differ, failed = filecmp.cmpfiles(tmp_path / "first/dataset", output / "dataset", NAMES, shallow=False)
    return not differ and not failed


def test_the_bucket_changes_and_the_version_does_not(bucket: VersionedBucket, tmp_path: Path) -> None:
    for image in list(read_images(tmp_path / "first" / "dataset")):
        key = image.uri.removeprefix("s3://b/")
        bucket.put(key, None if "0" in key else draw(900))
    bucket.put("images/species/tulip/new.jpg", draw(901))
    output = tmp_path / "elsewhere"
    remade(bucket, output, with_pictures=True)
    assert same_files(tmp_path, output)
    assert sorted(path.name for path in output.iterdir()) == ["dataset", "pictures"]
    names = {f"{image.class_name}/{image.sha256}.jpg": image for image in read_images(output / "dataset")}
    files = {path.relative_to(output / "pictures").as_posix(): path for path in output.rglob("pictures/*/*")}
    assert files.keys() == names.keys()
    wanted = {draw(100 * number + seed) for number in range(3) for seed in range(4)} | {again(draw(0))}
    assert {path.read_bytes() for path in files.values()} == wanted


def test_without_pictures_only_the_files_are_written(bucket: VersionedBucket, tmp_path: Path) -> None:
    remade(bucket, tmp_path / "again", model="species")
    assert same_files(tmp_path, tmp_path / "again")
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["dataset"]


def test_versions_that_are_gone_are_named_and_nothing_is_written(
    bucket: VersionedBucket, tmp_path: Path
) -> None:
    bucket.forget("images/species/tulip/1 ü.jpg")
    bucket.denied = frozenset({"images/species/mushroom/2 ü.jpg"})
    with pytest.raises(JobError) as lost:
        remade(bucket, tmp_path / "again", with_pictures=True)
    words = str(lost.value)
    assert words.startswith("2 of 13 pictures are not those of the manifest: ")
    assert "/tulip/1 ü.jpg (version v1) cannot be downloaded: NoSuchVersion" in words
    assert "/mushroom/2 ü.jpg (version v10) cannot be downloaded: AccessDenied" in words
    assert list((tmp_path / "again").iterdir()) == []


def test_a_bucket_that_gives_other_bytes_for_a_version_is_found_out(
    bucket: VersionedBucket, tmp_path: Path
) -> None:
    """As one without versions does, where every version is `null`."""
    bucket.versions["images/species/tulip/1 ü.jpg"] = [("v1", draw(7))]
    with pytest.raises(JobError, match=r"1 of 13 .*tulip/1 ü.jpg \(version v1\) is another picture now"):
        remade(bucket, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_the_version_that_was_changed_is_named(
    bucket: VersionedBucket, tmp_path: Path, name: str
) -> None:
    before = bucket.versions[RUN + name][-1][1] or b""
    bucket.put(RUN + name, before.replace(b"tulip", b"tulop"))
    with pytest.raises(JobError, match=name):
        remade(bucket, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "not a data set manifest"),
        (b"[]", "not a data set manifest"),
        (json.dumps({"version": 1, "sha256": ""}).encode(), "not the manifest of a classification data set"),
        (None, "manifest.json: cannot be downloaded: NoSuchKey"),
    ],
)
def test_what_is_no_manifest_is_named(
    bucket: VersionedBucket, tmp_path: Path, content: bytes | None, words: str
) -> None:
    bucket.put(f"{RUN}manifest.json", content)
    with pytest.raises(JobError, match=words):
        remade(bucket, tmp_path / "again")


def test_another_models_version_is_refused(bucket: VersionedBucket, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="a data set of the model 'species', not of 'flowers'"):
        remade(bucket, tmp_path / "again", model="flowers")
