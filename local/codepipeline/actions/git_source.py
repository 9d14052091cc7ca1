"""The source actions CodeCommit and CodeStarSourceConnection: a commit of a repository."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.codepipeline.neighbours import Neighbours
from local.codepipeline.records import Revision
from local.codepipeline.work import ActionError, Done, Work

if TYPE_CHECKING:
    from local.source.git import Commit
    from local.source.repositories import Kind

_CODECOMMIT_ACTIONS = (
    "codecommit:GetBranch",
    "codecommit:GetCommit",
    "codecommit:UploadArchive",
    "codecommit:GetUploadArchiveStatus",
)


class CodeCommitSource:
    """The newest commit of the branch, or the overridden one."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def run(self, work: Work) -> Done:
        """Do the action."""
        name = work.configuration["RepositoryName"]
        for action in _CODECOMMIT_ACTIONS:
            work.permit(action, work.call.arn("codecommit", name))
        commit = _commit(work, self._neighbours, "codecommit", name)
        dates = {"CommitterDate": _date(commit.committer.date).isoformat()}
        return _taken(work, self._neighbours, "codecommit", name, commit, {"RepositoryName": name, **dates})


class ConnectionSource:
    """The same of a repository at the provider behind a connection."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def run(self, work: Work) -> Done:
        """Do the action."""
        arn, name = work.configuration["ConnectionArn"], work.configuration["FullRepositoryId"]
        # The action's prefix has to be that of the ARN: codestar-connections or codeconnections.
        work.permit(f"{arn.split(':')[2]}:UseConnection", arn)
        connection = self._neighbours.connections.find(arn)
        if connection.status != "AVAILABLE":
            raise ActionError(
                "ConfigurationError",
                f"Connection {arn} is {connection.status}: authorise it at the provider first",
            )
        commit = _commit(work, self._neighbours, "connection", name)
        more = {"ConnectionArn": arn, "FullRepositoryName": name}
        return _taken(work, self._neighbours, "connection", name, commit, more)


def _commit(work: Work, neighbours: Neighbours, kind: Kind, name: str) -> Commit:
    branch = work.configuration["BranchName"]
    if work.override:
        found = neighbours.commits.commit(kind, name, work.override.revision)
        what = f"commit {work.override.revision}"
    else:
        found, what = neighbours.commits.head(kind, name, branch), f"branch {branch}"
    if found is None:
        raise ActionError("ConfigurationError", f"The repository {name} has no {what}")
    return found


def _taken(
    work: Work, neighbours: Neighbours, kind: Kind, name: str, commit: Commit, more: dict[str, str]
) -> Done:
    work.put(work.action.outputs[0], neighbours.commits.archive(kind, name, commit.id))
    branch = work.override.branch if work.override and work.override.branch else ""
    variables = {
        "AuthorDate": _date(commit.author.date).isoformat(),
        "BranchName": branch or work.configuration["BranchName"],
        "CommitId": commit.id,
        "CommitMessage": commit.message.strip(),
    }
    revision = Revision(commit.id, commit.message.strip()[:2048], _date(commit.committer.date))
    return Done(variables={**variables, **more}, revision=revision)


def _date(text: str) -> datetime:
    """Read git's date: seconds and offset."""
    return datetime.fromtimestamp(int(text.split()[0]), UTC)
