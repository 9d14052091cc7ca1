"""What is published, in which order, and that CloudFormation gets its answer."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from lambdas.common import custom_resource
from lambdas.labeling.publish_page import CannotPublish, Publication, content_type, handler, publish, unpacked

PAGE = {"index.html": b"<html>", "main.js": b"run()", "views/rounds.js": b"draw()"}


class Bucket:
    """S3 with one bucket, and the calls that change it in their order."""

    def __init__(self, **held: bytes) -> None:
        self.held: dict[str, bytes] = dict(held)
        self.put: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def put_object(self, **arguments: Any) -> None:
        assert not self.deleted, "what is old goes last"
        self.put.append(arguments)
        self.held[arguments["Key"]] = arguments["Body"]

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        del Bucket
        self.deleted.append(Key)
        del self.held[Key]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.held[f"{Bucket}/{Key}"])}

    def get_paginator(self, operation: str) -> "Bucket":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        del Bucket
        keys = [key for key in self.held if key.startswith(Prefix)]
        yield {"Contents": [{"Key": key} for key in keys]} if keys else {}


def zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()


def publication(files: Mapping[str, bytes], prefix: str = "") -> Publication:
    return Publication("page", prefix, files, {"settings.json": {"client_id": "c"}})


def test_the_page_comes_after_what_it_asks_for_and_what_is_old_goes_after_that() -> None:
    s3 = Bucket(**{"old.js": b"", "main.js": b"before"})
    publish(s3, publication(PAGE))
    assert [put["Key"] for put in s3.put] == ["main.js", "settings.json", "views/rounds.js", "index.html"]
    assert s3.deleted == ["old.js"]
    assert json.loads(s3.held["settings.json"]) == {"client_id": "c"}
    assert {put["CacheControl"] for put in s3.put} == {"no-cache"}
    assert s3.put[-1]["ContentType"] == "text/html; charset=utf-8"


def test_publishing_again_changes_nothing() -> None:
    s3 = Bucket()
    publish(s3, publication(PAGE))
    held = dict(s3.held)
    publish(s3, publication(PAGE))
    assert (s3.held, s3.deleted) == (held, [])


def test_under_a_prefix_only_what_is_there_is_taken_away() -> None:
    s3 = Bucket(**{"images/tags/1.jpg": b"", "examples/tags/old.jpg": b""})
    publish(s3, publication({"tags/new.jpg": b""}, "examples/"))
    assert s3.deleted == ["examples/tags/old.jpg"]
    assert s3.held.keys() == {"images/tags/1.jpg", "examples/tags/new.jpg", "examples/settings.json"}


def test_a_file_that_no_browser_could_read_fails_before_anything_is_written() -> None:
    s3 = Bucket()
    with pytest.raises(CannotPublish, match=r"notes\.txt: .* \.txt is not known here"):
        publish(s3, publication({**PAGE, "notes.txt": b""}))
    assert s3.put == []
    with pytest.raises(CannotPublish, match="no suffix"):
        content_type("Makefile")


@pytest.mark.parametrize("name", ["../index.html", "/etc/passwd", "views/../../x.js"])
def test_a_file_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(CannotPublish, match="leads out of the folder"):
        list(unpacked(zipped({name: b""})))


def test_folders_of_an_archive_are_no_files() -> None:
    assert dict(unpacked(zipped({"views/": b"", "views/a.js": b"1"}))) == {"views/a.js": b"1"}


def request(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "StackId": "arn:stack",
        "RequestId": "1",
        "LogicalResourceId": "Page",
        "ResponseURL": "http://127.0.0.1:9/",
        "ResourceProperties": {"Bucket": "page", "Prefix": "", "Documents": {}, **properties},
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(custom_resource, "_put", lambda url, body: sent.append(json.loads(body)))
    return sent


def test_the_asset_is_published(monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]) -> None:
    s3 = Bucket(**{"assets/1.zip": zipped(PAGE)})
    monkeypatch.setattr(boto3, "client", lambda name: s3)
    handler(request("Create", Asset={"Bucket": "assets", "Key": "1.zip"}), None)
    assert [put["Key"] for put in s3.put] == ["main.js", "views/rounds.js", "index.html"]
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_a_failure_is_the_answer_and_names_the_file(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    s3 = Bucket(**{"assets/1.zip": zipped({"a.exe": b""})})
    monkeypatch.setattr(boto3, "client", lambda name: s3)
    handler(request("Update", Asset={"Bucket": "assets", "Key": "1.zip"}), None)
    [answer] = answers
    assert (answer["Status"], answer["Reason"][:21]) == ("FAILED", "CannotPublish: a.exe:")


def test_a_deletion_takes_nothing_away(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    s3 = Bucket(**{"index.html": b""})
    monkeypatch.setattr(boto3, "client", lambda name: s3)
    handler(request("Delete"), None)
    assert s3.held == {"index.html": b""}
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]
