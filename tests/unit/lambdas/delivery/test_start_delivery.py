"""Which pushes and uploads start the infrastructure pipeline, asked of real clients with recorded answers."""

import copy
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from lambdas.delivery import start_on_push, start_on_upload

EVENTS = Path(__file__).parents[3] / "fixtures/events"
NEW, OLD = "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "version-before"


class Services:
    """Stubbed clients of the services; each expects what is recorded, in order, and no more."""

    def __init__(self, make: Callable[..., Any]) -> None:
        names = ("codepipeline", "codecommit", "s3")
        self.clients = {
            name: make(name, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s")
            for name in names
        }
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def expect_start(self, token: str, kind: str, revision: str) -> None:
        request = {
            "name": "edgeline-delivery",
            "clientRequestToken": token,
            "sourceRevisions": [
                {"actionName": "Source", "revisionType": kind, "revisionValue": revision},
            ],
        }
        answer = {"pipelineExecutionId": "9b4ab5cd-0000-4000-8000-000000000001"}
        self.stubs["codepipeline"].add_response("start_pipeline_execution", answer, request)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    services = Services(boto3.client)
    monkeypatch.setattr(boto3, "client", services.clients.__getitem__)
    monkeypatch.setenv("PIPELINE", "edgeline-delivery")
    monkeypatch.setenv("IGNORE", json.dumps(["docs/**", "**.md", "LICENSE"]))
    yield services
    for stub in services.stubs.values():
        stub.assert_no_pending_responses()


def event(name: str, **detail: Any) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(json.loads((EVENTS / f"{name}.json").read_text()))
    found["detail"] |= detail
    return found


def push(**detail: Any) -> dict[str, Any]:
    return event("codecommit_branch_updated", **detail)


def expect_differences(services: Services, pages: list[list[dict[str, Any]]]) -> None:
    request = {
        "repositoryName": "edgeline",
        "beforeCommitSpecifier": "3e5983dTIP",
        "afterCommitSpecifier": "7f0103fMERGE",
    }
    for number, page in enumerate(pages):
        more = {"NextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
        token = {"NextToken": f"page-{number}"} if number else {}
        stub = services.stubs["codecommit"]
        stub.add_response("get_differences", {"differences": page, **more}, {**request, **token})


def changed(path: str) -> dict[str, Any]:
    return {"beforeBlob": {"path": path}, "afterBlob": {"path": path}, "changeType": "M"}


def test_a_push_of_code_starts_the_pipeline_at_its_commit(services: Services) -> None:
    expect_differences(services, [[changed("docs/a.md"), changed("app.py")]])
    services.expect_start("01234567-0123-0123-0123-012345678901", "COMMIT_ID", "7f0103fMERGE")
    answer = start_on_push.handler(push(), None)
    assert answer == {
        "revision": "7f0103fMERGE",
        "execution": "9b4ab5cd-0000-4000-8000-000000000001",
        "because": "app.py changed",
    }


def test_a_push_of_docs_starts_nothing(services: Services) -> None:
    expect_differences(services, [[changed("docs/a.md"), changed("README.md"), changed("LICENSE")]])
    assert start_on_push.handler(push(), None)["execution"] is None


def test_the_second_page_of_differences_counts_too(services: Services) -> None:
    expect_differences(services, [[changed("docs/a.md")], [changed("README.md")], [changed("config.py")]])
    services.expect_start("01234567-0123-0123-0123-012345678901", "COMMIT_ID", "7f0103fMERGE")
    assert start_on_push.handler(push(), None)["because"] == "config.py changed"


@pytest.mark.parametrize(
    "difference",
    [
        {"beforeBlob": {"path": "app.py"}, "changeType": "D"},
        {"afterBlob": {"path": "app.py"}, "changeType": "A"},
        {"beforeBlob": {"path": "app.py"}, "afterBlob": {"path": "docs/app.md"}, "changeType": "M"},
    ],
)
def test_a_file_that_came_went_or_was_moved_to_the_docs_counts(
    services: Services, difference: dict[str, Any]
) -> None:
    expect_differences(services, [[difference]])
    services.expect_start("01234567-0123-0123-0123-012345678901", "COMMIT_ID", "7f0103fMERGE")
    assert start_on_push.handler(push(), None)["because"] == "app.py changed"


def test_the_first_push_has_nothing_to_be_compared_with_and_starts(services: Services) -> None:
    first = push(event="referenceCreated")
    del first["detail"]["oldCommitId"]
    services.expect_start("01234567-0123-0123-0123-012345678901", "COMMIT_ID", "7f0103fMERGE")
    assert start_on_push.handler(first, None)["because"] == "everything is new"


def test_a_deleted_branch_starts_nothing(services: Services) -> None:
    deleted = push(event="referenceDeleted")
    del deleted["detail"]["commitId"]
    assert start_on_push.handler(deleted, None)["execution"] is None


def test_an_event_that_comes_twice_asks_with_the_same_token(services: Services) -> None:
    for _ in range(2):
        expect_differences(services, [[changed("app.py")]])
        services.expect_start("01234567-0123-0123-0123-012345678901", "COMMIT_ID", "7f0103fMERGE")
    assert start_on_push.handler(push(), None) == start_on_push.handler(push(), None)


def test_a_branch_that_goes_back_to_an_earlier_commit_is_delivered_again(services: Services) -> None:
    for token in ("first-push", "back-again"):
        expect_differences(services, [[changed("app.py")]])
        services.expect_start(token, "COMMIT_ID", "7f0103fMERGE")
        assert start_on_push.handler(push() | {"id": token}, None)["execution"]


def archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        for name, text in files.items():
            target.writestr(name, text)
    return content.getvalue()


def expect_versions(services: Services, *pages: list[tuple[str, str]]) -> None:
    request: dict[str, Any] = {"Bucket": "edgeline-source", "Prefix": "source.zip"}
    for number, page in enumerate(pages):
        more: dict[str, Any] = {"IsTruncated": number + 1 < len(pages)}
        if more["IsTruncated"]:
            more |= {"NextKeyMarker": "source.zip", "NextVersionIdMarker": page[-1][1]}
        versions = [{"Key": key, "VersionId": version} for key, version in page]
        stub = services.stubs["s3"]
        stub.add_response("list_object_versions", {"Versions": versions, **more}, dict(request))
        request |= {"KeyMarker": "source.zip", "VersionIdMarker": page[-1][1]}


def expect_archives(services: Services, **archives: bytes) -> None:
    for version, content in (("old", OLD), ("new", NEW)):
        body = archives[version]
        services.stubs["s3"].add_response(
            "get_object",
            {"Body": StreamingBody(io.BytesIO(body), len(body))},
            {"Bucket": "edgeline-source", "Key": "source.zip", "VersionId": content},
        )


def upload() -> dict[str, Any]:
    return event("s3_object_created")


def expect_upload_to_start(services: Services) -> None:
    services.expect_start("17793124-05d4-b198-2fde-7ededc63b103", "S3_OBJECT_VERSION_ID", NEW)


def test_an_upload_with_changed_code_starts_the_pipeline_at_its_version(services: Services) -> None:
    expect_versions(services, [("source.zip", NEW), ("source.zip", OLD), ("source.zip", "older")])
    before = {"app.py": "1", "README.md": "a"}
    expect_archives(services, old=archive(before), new=archive({"app.py": "2", "README.md": "b"}))
    expect_upload_to_start(services)
    answer = start_on_upload.handler(upload(), None)
    assert answer["because"] == "app.py changed"
    assert answer["revision"] == NEW


def test_an_upload_that_changes_docs_starts_nothing(services: Services) -> None:
    expect_versions(services, [("source.zip", NEW), ("source.zip", OLD)])
    expect_archives(services, old=archive({"app.py": "1"}), new=archive({"app.py": "1", "docs/a.md": "b"}))
    assert start_on_upload.handler(upload(), None)["execution"] is None


def test_the_same_upload_again_starts_nothing(services: Services) -> None:
    expect_versions(services, [("source.zip", NEW), ("source.zip", OLD)])
    same = archive({"app.py": "1"})
    expect_archives(services, old=same, new=same)
    assert start_on_upload.handler(upload(), None)["execution"] is None


def test_a_removed_file_counts(services: Services) -> None:
    expect_versions(services, [("source.zip", NEW), ("source.zip", OLD)])
    expect_archives(services, old=archive({"app.py": "1", "old.py": ""}), new=archive({"app.py": "1"}))
    expect_upload_to_start(services)
    assert start_on_upload.handler(upload(), None)["because"] == "old.py changed"


@pytest.mark.parametrize("versions", [[("source.zip", NEW)], [("source.zip", NEW), ("source.zip.bak", "x")]])
def test_the_first_upload_starts(services: Services, versions: list[tuple[str, str]]) -> None:
    expect_versions(services, versions)
    expect_upload_to_start(services)
    assert start_on_upload.handler(upload(), None)["because"] == "everything is new"


def test_the_version_before_may_be_on_the_next_page(services: Services) -> None:
    expect_versions(services, [("source.zip", "newer"), ("source.zip", NEW)], [("source.zip", OLD)])
    expect_archives(services, old=archive({"a.md": "1"}), new=archive({"a.md": "2"}))
    assert start_on_upload.handler(upload(), None)["execution"] is None


def test_what_is_no_archive_is_left_to_the_pipeline_to_fail_on(services: Services) -> None:
    expect_versions(services, [("source.zip", NEW), ("source.zip", OLD)])
    expect_archives(services, old=archive({"app.py": "1"}), new=b"not a zip")
    expect_upload_to_start(services)
    assert start_on_upload.handler(upload(), None)["execution"]
