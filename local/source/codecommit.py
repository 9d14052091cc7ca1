# ruff: noqa: N803 - parameters are named as AWS names them
"""CodeCommit's API, as far as it reads repositories, and the event of a push."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.source import git
from local.source.git import Commit, GitError, Person
from local.source.repositories import Push, Repositories

STATE_CHANGE = "CodeCommit Repository State Change"
_PAGE = 100


@dataclass
class _Repository:
    name: str
    description: str | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


class CodeCommit:
    """The operations that CodePipeline and the functions of a delivery need."""

    def __init__(self, repositories: Repositories) -> None:
        self._git = repositories
        self._known: dict[str, _Repository] = {}

    def resource_arns(self, call: Call, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Give the repository that IAM checks a call against."""
        name = parameters.get("repositoryName")
        return [call.arn("codecommit", name)] if name else ["*"]

    def create_repository(
        self, call: Call, repositoryName: str, repositoryDescription: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Make an empty repository; `tags` are taken and kept by nobody."""
        if repositoryName in self._known:
            raise AwsError(
                "RepositoryNameExistsException", f"Repository named {repositoryName} already exists"
            )
        if more.get("kmsKeyId"):
            raise AwsError("InvalidParameterException", "the local CodeCommit does not serve kmsKeyId")
        self._known[repositoryName] = _Repository(repositoryName, repositoryDescription)
        self._git.create("codecommit", repositoryName)
        return {"repositoryMetadata": self._metadata(call, repositoryName)}

    def delete_repository(self, call: Call, repositoryName: str) -> dict[str, Any]:
        """Remove a repository and all that was pushed to it; one that is gone already is no error."""
        gone = self._known.pop(repositoryName, None)
        self._git.delete("codecommit", repositoryName)
        return {"repositoryId": gone.id} if gone else {}

    def get_repository(self, call: Call, repositoryName: str) -> dict[str, Any]:
        """Describe a repository."""
        return {"repositoryMetadata": self._metadata(call, repositoryName)}

    def list_repositories(self, call: Call, **order: Any) -> dict[str, Any]:
        """List the repositories by name."""
        known = sorted(self._known.items())
        return {"repositories": [{"repositoryName": n, "repositoryId": one.id} for n, one in known]}

    def list_branches(self, call: Call, repositoryName: str, **page: Any) -> dict[str, Any]:
        """List the branches."""
        self._found(repositoryName)
        return {"branches": git.branches(self._git.path("codecommit", repositoryName))}

    def get_branch(self, call: Call, repositoryName: str, branchName: str) -> dict[str, Any]:
        """Give the last commit of a branch."""
        self._found(repositoryName)
        head = self._git.head("codecommit", repositoryName, branchName)
        if head is None:
            raise AwsError("BranchDoesNotExistException", f"Branch {branchName} does not exist")
        return {"branch": {"branchName": branchName, "commitId": head.id}}

    def get_commit(self, call: Call, repositoryName: str, commitId: str) -> dict[str, Any]:
        """Describe a commit."""
        self._found(repositoryName)
        found = self._git.commit("codecommit", repositoryName, commitId)
        if found is None:
            raise AwsError("CommitIdDoesNotExistException", f"{commitId} does not exist")
        return {"commit": _commit(found)}

    def get_differences(
        self, call: Call, repositoryName: str, afterCommitSpecifier: str,
        beforeCommitSpecifier: str | None = None, MaxResults: int = _PAGE, NextToken: str | None = None,
        **paths: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """List the files that are not the same in two commits, or all of one, in pages."""
        if paths:
            raise AwsError("InvalidPathException", f"the local CodeCommit does not serve {', '.join(paths)}")
        self._found(repositoryName)
        before = beforeCommitSpecifier and self._resolved(repositoryName, beforeCommitSpecifier)
        after = self._resolved(repositoryName, afterCommitSpecifier)
        found = git.differences(self._git.path("codecommit", repositoryName), before, after)
        start, size = _offset(NextToken), min(MaxResults, _PAGE)
        page: dict[str, Any] = {"differences": [_difference(one) for one in found[start : start + size]]}
        if start + size < len(found):
            page["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
        return page

    def event(self, push: Push, account: str, region: str, caller: str) -> tuple[dict[str, Any], list[str]]:
        """Return the detail and the resources of what CodeCommit says of a push."""
        what = {
            "callerUserArn": caller,
            "event": "referenceUpdated" if push.old and push.new else
            "referenceCreated" if push.new else "referenceDeleted",
            "referenceFullName": f"refs/heads/{push.branch}",
            "referenceName": push.branch,
            "referenceType": "branch",
            "repositoryId": self._found(push.repository).id,
            "repositoryName": push.repository,
        }  # fmt: skip
        commits = {"commitId": push.new, "oldCommitId": push.old}
        detail = what | {name: value for name, value in commits.items() if value}
        return detail, [f"arn:aws:codecommit:{region}:{account}:{push.repository}"]

    def _metadata(self, call: Call, name: str) -> dict[str, Any]:
        known = self._found(name)
        branches = git.branches(self._git.path("codecommit", name))
        host = f"git-codecommit.{call.region}.amazonaws.com/v1/repos/{name}"
        metadata = {
            "accountId": call.account,
            "repositoryId": known.id,
            "repositoryName": name,
            "repositoryDescription": known.description,
            "defaultBranch": "main" if "main" in branches else next(iter(branches), None),
            "creationDate": known.created,
            "lastModifiedDate": known.created,
            "cloneUrlHttp": f"https://{host}",
            "cloneUrlSsh": f"ssh://{host}",
            "Arn": call.arn("codecommit", name),
        }
        return {member: value for member, value in metadata.items() if value is not None}

    def _found(self, name: str) -> _Repository:
        if name not in self._known:
            raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self._known[name]

    def _resolved(self, repository: str, specifier: str) -> str:
        try:
            found = git.resolve(self._git.path("codecommit", repository), specifier)
        except GitError:
            found = None
        if found is None:
            raise AwsError("CommitDoesNotExistException", f"The commit {specifier} does not exist")
        return found


def _commit(found: Commit) -> dict[str, Any]:
    return {
        "commitId": found.id,
        "treeId": found.tree,
        "parents": list(found.parents),
        "message": found.message,
        "author": _person(found.author),
        "committer": _person(found.committer),
        "additionalData": "",
    }


def _person(person: Person) -> dict[str, str]:
    return {"name": person.name, "email": person.email, "date": person.date}


def _difference(one: git.Difference) -> dict[str, Any]:
    sides = {"beforeBlob": one.before, "afterBlob": one.after}
    blobs = {
        side: {"blobId": file.blob, "path": file.path, "mode": file.mode}
        for side, file in sides.items()
        if file
    }
    return {**blobs, "changeType": one.kind}


def _offset(token: str | None) -> int:
    try:
        return int(base64.b64decode(token)) if token else 0
    except ValueError as error:
        raise AwsError("InvalidContinuationTokenException", "the continuation token is not valid") from error
