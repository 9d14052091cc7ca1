from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import ResourceContext
from local.source.codecommit import CodeCommit
from local.source.connections import Connections
from local.source.repositories import Push, Repositories
from local.source.resource_types import ConnectionType, RepositoryType

CALL = Call("000000000000", "eu-west-1", "arn:aws:iam::000000000000:root", "000000000000")
CONTEXT = ResourceContext(CALL, "delivery", "Repository")
Git = Callable[..., str]


@pytest.fixture
def codecommit(tmp_path: Path) -> CodeCommit:
    service = CodeCommit(Repositories(tmp_path / "source"))
    service.create_repository(CALL, repositoryName="line")
    return service


@pytest.fixture
def push(tmp_path: Path, git: Git) -> Callable[[], None]:
    """Push without hooks: there is no cloud that they could ask."""
    folder = tmp_path / "source" / "codecommit" / "line.git"
    return lambda: (
        git("push", "--quiet", "--receive-pack=git -c core.hooksPath=/ receive-pack", str(folder), "main")
        and None
    )


def every(codecommit: CodeCommit, **asked: Any) -> tuple[list[str], int]:
    paths, pages, token = [], 0, {}
    while True:
        page = codecommit.get_differences(CALL, repositoryName="line", **asked, **token)
        pages += 1
        paths += [(one.get("afterBlob") or one["beforeBlob"])["path"] for one in page["differences"]]
        if "NextToken" not in page:
            return paths, pages
        token = {"NextToken": page["NextToken"]}


def test_repository_begins_without_a_branch(codecommit: CodeCommit) -> None:
    found = codecommit.get_repository(CALL, repositoryName="line")["repositoryMetadata"]
    assert found["Arn"] == "arn:aws:codecommit:eu-west-1:000000000000:line"
    assert "defaultBranch" not in found
    with pytest.raises(AwsError, match="Branch main does not exist"):
        codecommit.get_branch(CALL, repositoryName="line", branchName="main")


def test_branch_and_commit_are_what_was_pushed(
    codecommit: CodeCommit, commit: Git, push: Callable[[], None]
) -> None:
    made = commit({"a": "1"}, "Begin")
    push()
    branch = codecommit.get_branch(CALL, repositoryName="line", branchName="main")["branch"]
    assert branch == {"branchName": "main", "commitId": made}
    found = codecommit.get_commit(CALL, repositoryName="line", commitId=made)["commit"]
    assert (found["message"], found["author"]["name"]) == ("Begin\n", "Ada")
    assert codecommit.list_branches(CALL, repositoryName="line") == {"branches": ["main"]}


def test_differences_come_in_pages_of_a_hundred_at_most(
    codecommit: CodeCommit, commit: Git, push: Callable[[], None]
) -> None:
    first = commit({"a": "1"})
    names = {f"f{number:03}": "x" for number in range(201)}
    second = commit(names)
    push()
    found, pages = every(
        codecommit, beforeCommitSpecifier=first, afterCommitSpecifier=second, MaxResults=1000
    )
    assert (sorted(found), pages) == (sorted(names), 3)
    assert every(codecommit, afterCommitSpecifier=second, MaxResults=1000)[0] == ["a", *sorted(names)]


def test_commit_that_is_not_there_is_named(codecommit: CodeCommit) -> None:
    with pytest.raises(AwsError, match=f"The commit {'f' * 40} does not exist"):
        codecommit.get_differences(CALL, repositoryName="line", afterCommitSpecifier="f" * 40)
    with pytest.raises(AwsError, match="RepositoryDoesNotExistException"):
        codecommit.get_repository(CALL, repositoryName="other")


@pytest.mark.parametrize(
    ("old", "new", "event", "commits"),
    [
        (None, "b", "referenceCreated", {"commitId": "b"}),
        ("a", "b", "referenceUpdated", {"commitId": "b", "oldCommitId": "a"}),
        ("a", None, "referenceDeleted", {"oldCommitId": "a"}),
    ],
)
def test_event_says_what_became_of_the_branch(
    codecommit: CodeCommit, old: str | None, new: str | None, event: str, commits: dict[str, str]
) -> None:
    push = Push("codecommit", "line", "main", old, new, ())
    detail, resources = codecommit.event(push, "000000000000", "eu-west-1", "arn:aws:iam::0:user/ada")
    assert resources == ["arn:aws:codecommit:eu-west-1:000000000000:line"]
    assert detail["event"] == event
    assert {name: detail[name] for name in ("commitId", "oldCommitId") if name in detail} == commits
    assert (detail["referenceFullName"], detail["callerUserArn"]) == (
        "refs/heads/main",
        "arn:aws:iam::0:user/ada",
    )


def test_template_makes_and_removes_a_repository(codecommit: CodeCommit) -> None:
    kind = RepositoryType(codecommit)
    properties = {"RepositoryName": "made", "RepositoryDescription": "the code"}
    physical_id, attributes = kind.create(properties, CONTEXT)
    assert attributes["Name"] == "made"
    assert kind.update(physical_id, properties, {**properties, "Tags": []}, CONTEXT)[0] == physical_id
    with pytest.raises(AwsError, match="does not rename"):
        kind.update(physical_id, properties, {"RepositoryName": "else"}, CONTEXT)
    kind.delete(physical_id, properties, CONTEXT)
    with pytest.raises(AwsError, match="made does not exist"):
        codecommit.get_repository(CALL, repositoryName="made")


def test_template_that_asks_for_what_is_not_served_is_refused(codecommit: CodeCommit) -> None:
    with pytest.raises(AwsError, match="Triggers"):
        RepositoryType(codecommit).create({"RepositoryName": "made", "Triggers": []}, CONTEXT)


def test_connection_is_pending_until_a_person_authorises_it() -> None:
    connections = Connections()
    kind = ConnectionType(connections)
    arn, attributes = kind.create({"ConnectionName": "code", "ProviderType": "GitHub"}, CONTEXT)
    assert attributes["ConnectionStatus"] == "PENDING"
    connections.authorise(arn)
    found = connections.get_connection(CALL, ConnectionArn=arn)["Connection"]
    assert found["ConnectionStatus"] == "AVAILABLE"
    kind.delete(arn, {}, CONTEXT)
    kind.delete(arn, {}, CONTEXT)
    with pytest.raises(AwsError, match="not found"):
        connections.get_connection(CALL, ConnectionArn=arn)


def test_repositories_of_a_cloud_that_is_gone_are_emptied_but_stay_where_they_are(
    tmp_path: Path, codecommit: CodeCommit, commit: Git, push: Callable[[], None]
) -> None:
    commit({"a": "1"})
    push()
    again = Repositories(tmp_path / "source")
    assert not again.exists("codecommit", "line")
    assert (again.path("codecommit", "line") / "hooks" / "pre-receive").exists()
    again.create("codecommit", "line")
    assert again.head("codecommit", "line", "main") is None
