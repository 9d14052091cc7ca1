"""Which pictures there are, in each kind of source."""

import errno
import json
import os
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from versioned_bucket import VersionedBucket

from pipeline_defs.classification.listing import Listed, Listing
from pipeline_defs.common.job import JobError

CLASSES = ("tulip", "daffodil")


@pytest.fixture
def bucket() -> VersionedBucket:
    bucket = VersionedBucket()
    for key in (
        "images/species/flowers/tulip/1.jpg", "images/species/tulip/2 ?#ü.jpg",
        "images/species/daffodil/3.jpg", "images/species/oak/4.jpg", "images/species/tulip/.DS_Store",
        "images/species/labels.csv",
        "images/speciesless/tulip/5.jpg", "images/species/daffodil/", "images/species/daffodil/gone.jpg",
        "images/species/tulip/old/6.jpg",
    ):  # fmt: skip
        bucket.put(key, b"first")
    bucket.put("images/species/flowers/tulip/1.jpg", b"second")
    bucket.put("images/species/daffodil/gone.jpg", None)
    return bucket


def test_a_prefix_is_listed_by_pages_with_the_newest_versions(bucket: VersionedBucket) -> None:
    listing = Listing("s3://b/images/species/", CLASSES, bucket)
    listed = list(listing)
    assert {one.uri: (one.class_name, one.version_id, one.size) for one in listed} == {
        "s3://b/images/species/flowers/tulip/1.jpg": ("tulip", "v10", 6),
        "s3://b/images/species/tulip/2 ?#ü.jpg": ("tulip", "v1", 5),
        "s3://b/images/species/daffodil/3.jpg": ("daffodil", "v2", 5),
    }
    assert listing.ignored.document() == {
        "of_other_classes": 3,
        "largest_other_classes": {"oak": 1, "old": 1, "species": 1},
        "hidden": 1,
    }
    assert list(listing) == listed
    assert listing.ignored.hidden == 1


def test_a_folder_is_listed_with_the_innermost_folder_as_class(tmp_path: Path) -> None:
    for name in ("flowers/tulip/1 ü.jpg", "daffodil/2.jpg", "oak/3.jpg", "tulip/Thumbs.db", "4.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = Listing(str(tmp_path), CLASSES, None)
    assert list(listing) == [
        Listed((tmp_path / "daffodil" / "2.jpg").as_uri(), "daffodil"),
        Listed((tmp_path / "flowers" / "tulip" / "1 ü.jpg").as_uri(), "tulip"),
    ]
    assert listing.ignored.by_class == {"oak": 1, tmp_path.name: 1}


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.jpg").write_bytes(b"x")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "pictures")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "tulip").symlink_to("../elsewhere")
    listed = list(Listing(str(tmp_path / "pictures"), CLASSES, None))
    assert listed == [Listed((tmp_path / "pictures" / "tulip" / "1.jpg").as_uri(), "tulip")]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(JobError, match=rf"{tmp_path}: cannot be listed \(Permission denied\)"):
        list(Listing(str(tmp_path), CLASSES, None))


def test_a_name_with_accents_is_one_name_however_it_is_written(tmp_path: Path) -> None:
    whole, apart = unicodedata.normalize("NFC", "Flöhe"), unicodedata.normalize("NFD", "Flöhe")
    for folder in (whole, apart):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.jpg").write_bytes(b"x")
    for configured in (whole, apart):
        listed = list(Listing(str(tmp_path), (configured,), None))
        assert [one.class_name for one in listed] == [configured, configured]


MANIFEST = [
    {"source-ref": "s3://b/anywhere/1.jpg", "class": "tulip"},
    {"source-ref": "s3://b/anywhere/2.jpg", "class": "oak"},
    {"source-ref": "file:///pictures/3.jpg", "class": "daffodil"},
]


@pytest.mark.parametrize("remote", [True, False])
def test_a_manifest_names_each_picture_and_its_class(
    bucket: VersionedBucket, tmp_path: Path, remote: bool
) -> None:
    content = "\n".join(map(json.dumps, MANIFEST)).encode() + b"\n\n"
    bucket.put("labels/x.manifest", content)
    (tmp_path / "x.manifest").write_bytes(content)
    source = "s3://b/labels/x.manifest" if remote else str(tmp_path / "x.manifest")
    assert list(Listing(source, CLASSES, bucket)) == [
        Listed("s3://b/anywhere/1.jpg", "tulip"),
        Listed("file:///pictures/3.jpg", "daffodil"),
    ]


@pytest.mark.parametrize(
    "line", ["not json", '{"source-ref": "s3://b/1.jpg"}', "[]", '{"source-ref": 7, "class": "tulip"}',
             '{"source-ref": "https://b/1.jpg", "class": "tulip"}',
             '{"source-ref": "s3://b/1.jpg", "class": 7}'],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.manifest"
    path.write_text(json.dumps(MANIFEST[0]) + "\n" + line)
    with pytest.raises(JobError, match=f"{path}, line 2: "):
        list(Listing(str(path), CLASSES, None))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/nowhere", "no such folder or manifest"),
        ("s3://b/images/species", "ends in /"),
        ("s3://b/labels/none.manifest", "none.manifest: cannot be downloaded: NoSuchKey"),
    ],
)
def test_a_source_that_is_none_is_named(bucket: VersionedBucket, source: str, words: str) -> None:
    with pytest.raises(JobError, match=words):
        list(Listing(source, CLASSES, bucket))


def at(minute: int) -> datetime:
    return datetime(2026, 11, 21, 12, minute, tzinfo=UTC)


def version(key: str, minute: int, **values: object) -> dict[str, object]:
    return {"Key": key, "VersionId": f"{key} at {minute}", "LastModified": at(minute), **values}


class Pages:
    """What S3 lists: versions and marks of deletion apart, by key, newest first; a key over two pages."""

    def get_paginator(self, operation: str) -> "Pages":
        assert operation == "list_object_versions"
        return self

    def paginate(self, **_: str) -> list[dict[str, object]]:
        is_version = {"Size": 1, "IsLatest": False}
        return [
            {
                "Versions": [
                    version("a/tulip/1.jpg", 1, **is_version),
                    version("a/tulip/2.jpg", 5, **is_version),
                ],
                "DeleteMarkers": [version("a/tulip/1.jpg", 3)],
            },
            {
                "Versions": [
                    version("a/tulip/2.jpg", 2, **is_version),
                    version("a/tulip/2.jpg", 1, **is_version),
                    version("a/tulip/3.jpg", 4, **is_version),
                ]
            },
            {},
        ]


@pytest.mark.parametrize(
    ("minute", "there"),
    [
        (0, []),
        (1, ["1.jpg at 1", "2.jpg at 1"]),
        (2, ["1.jpg at 1", "2.jpg at 2"]),
        (3, ["2.jpg at 2"]),
        (4, ["2.jpg at 2", "3.jpg at 4"]),
        (5, ["2.jpg at 5", "3.jpg at 4"]),
    ],
)
def test_what_was_there_at_a_time_is_listed_as_it_was(minute: int, there: list[str]) -> None:
    listing = Listing("s3://b/a/", CLASSES, Pages(), as_of=at(minute))
    assert [str(listed.version_id).rpartition("/")[2] for listed in listing] == there
