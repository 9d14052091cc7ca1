"""A repository of the local cloud, pushed to with git, by people who may and people who may not."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud.call import Credentials
from local.cloud.server import LocalCloud
from local.source import SourcePlugin
from local.source.folder import pushed_by
from local.source.git import differences

NAME = "pushed"
PATIENCE_SECONDS = 30
PERSON = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip


@pytest.fixture
def source(cloud: LocalCloud) -> SourcePlugin:
    return next(plugin for plugin in cloud.plugins if isinstance(plugin, SourcePlugin))


@pytest.fixture
def repository(cloud: LocalCloud, source: SourcePlugin) -> Iterator[Path]:
    codecommit = cloud.root_session().client("codecommit")
    codecommit.create_repository(repositoryName=NAME)
    yield source.repositories.path("codecommit", NAME)
    codecommit.delete_repository(repositoryName=NAME)


@pytest.fixture
def queue(cloud: LocalCloud) -> Iterator[str]:
    """Return the queue that the events of the repository come to."""
    session = cloud.root_session()
    url = session.client("sqs").create_queue(QueueName=NAME)["QueueUrl"]
    arn = session.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    events = session.client("events")
    pattern = {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [f"arn:aws:codecommit:{cloud.region}:{cloud.account}:{NAME}"],
    }
    events.put_rule(Name=NAME, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=NAME, Targets=[{"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}])
    yield url
    events.remove_targets(Rule=NAME, Ids=["queue"])
    events.delete_rule(Name=NAME)
    session.client("sqs").delete_queue(QueueUrl=url)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    run(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments],
        cwd=tree,
        env={**os.environ, **PERSON},
        capture_output=True,
        text=True,
        check=False,
    )


def commit(tree: Path, **files: str) -> str:
    for name, content in files.items():
        (tree / name).write_text(content)
    run(tree, "add", "--all")
    assert run(tree, "commit", "--quiet", "--message", "A change").returncode == 0
    return run(tree, "rev-parse", "HEAD").stdout.strip()


def person(cloud: LocalCloud, name: str, *branches: str) -> Credentials:
    """Return the keys of somebody who may push to these branches only."""
    iam = cloud.root_session().client("iam")
    references = [f"refs/heads/{branch}" for branch in branches]
    statement: dict[str, Any] = {
        "Effect": "Allow", "Action": ["codecommit:GitPush", "codecommit:GitPull"],
        "Resource": f"arn:aws:codecommit:{cloud.region}:{cloud.account}:{NAME}",
        "Condition": {"StringEqualsIfExists": {"codecommit:References": references}},
    }  # fmt: skip
    document = {"Version": "2012-10-17", "Statement": [statement]}
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    return cloud.user(name, [arn])


def next_event(cloud: LocalCloud, url: str) -> dict[str, Any]:
    sqs, end = cloud.root_session().client("sqs"), time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event: dict[str, Any] = json.loads(message["Body"])
            return event
        time.sleep(0.1)
    raise AssertionError("no event came")


def test_push_of_who_may_is_received_and_announced(
    cloud: LocalCloud, source: SourcePlugin, repository: Path, queue: str, tree: Path
) -> None:
    ada = person(cloud, "ada", "main")
    pushed_by(source.folder, ada)
    first = commit(tree, a="1")
    done = run(tree, "push", str(repository), "main")
    assert done.returncode == 0, done.stderr
    created = next_event(cloud, queue)["detail"]
    assert (created["event"], created["commitId"]) == ("referenceCreated", first)
    assert created["callerUserArn"] == ada.principal_arn
    second = commit(tree, a="2", b="3")
    heard: list[tuple[str, ...]] = []
    source.repositories.listeners.append(lambda push: heard.append(push.changed_paths))
    assert run(tree, "push", str(repository), "main").returncode == 0
    source.repositories.listeners.pop()
    updated = next_event(cloud, queue)["detail"]
    assert (updated["oldCommitId"], updated["commitId"]) == (first, second)
    assert heard == [("a", "b")]
    codecommit = cloud.root_session().client("codecommit")
    pages = codecommit.get_paginator("get_differences").paginate(
        repositoryName=NAME, beforeCommitSpecifier=first, afterCommitSpecifier=second
    )
    found = [(one["changeType"], one["afterBlob"]["path"]) for page in pages for one in page["differences"]]
    assert found == [("M", "a"), ("A", "b")]


def test_push_to_a_branch_that_the_policy_does_not_name_is_refused(
    cloud: LocalCloud, source: SourcePlugin, repository: Path, tree: Path
) -> None:
    pushed_by(source.folder, person(cloud, "ben", "trunk"))
    commit(tree, a="1")
    done = run(tree, "push", str(repository), "main")
    assert done.returncode != 0
    assert "not authorized to perform: codecommit:GitPush" in done.stderr
    assert source.repositories.head("codecommit", NAME, "main") is None


def test_push_with_keys_that_are_not_right_is_refused(
    cloud: LocalCloud, source: SourcePlugin, repository: Path, tree: Path
) -> None:
    cleo = person(cloud, "cleo", "main")
    pushed_by(source.folder, Credentials(cleo.access_key, "x" * 40, "", cleo.principal_arn))
    commit(tree, a="1")
    done = run(tree, "push", str(repository), "main")
    assert done.returncode != 0
    assert "signature" in done.stderr.lower()


def test_tag_is_refused_by_name(
    cloud: LocalCloud, source: SourcePlugin, repository: Path, tree: Path
) -> None:
    pushed_by(source.folder, person(cloud, "dora", "main"))
    commit(tree, a="1")
    run(tree, "tag", "v1")
    done = run(tree, "push", str(repository), "v1")
    assert done.returncode != 0
    assert "refs/tags/v1: only branches are served" in done.stderr


def test_push_to_what_is_not_deployed_says_so(
    cloud: LocalCloud, source: SourcePlugin, repository: Path, tree: Path
) -> None:
    pushed_by(source.folder, person(cloud, "emil", "main"))
    source.repositories._made.discard(("codecommit", NAME))  # as after a restart
    commit(tree, a="1")
    done = run(tree, "push", str(repository), "main")
    assert done.returncode != 0
    assert f"{NAME} is not deployed here" in done.stderr


def test_upload_to_a_bucket_is_the_pushers_and_holds_the_commit(
    cloud: LocalCloud, source: SourcePlugin, tree: Path
) -> None:
    s3, iam = cloud.root_session().client("s3"), cloud.root_session().client("iam")
    s3.create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": cloud.region})
    folder = source.repositories.create("s3", "uploads")
    made = commit(tree, a="1")
    pushed_by(source.folder, cloud.user("fritz", []))
    refused = run(tree, "push", str(folder), "main")
    assert "source.zip was not uploaded to uploads" in refused.stderr
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::uploads/source.zip"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    policy = iam.create_policy(PolicyName="uploads", PolicyDocument=document)["Policy"]["Arn"]
    pushed_by(source.folder, cloud.user("fritz", [policy]))
    second = commit(tree, b="2")
    assert run(tree, "push", str(folder), "main").returncode == 0
    found = s3.get_object(Bucket="uploads", Key="source.zip")
    assert found["Metadata"]["commit"] == second
    assert found["Body"].read() == source.repositories.archive("s3", "uploads", second)
    assert [one.kind for one in differences(folder, made, second)] == ["A"]
