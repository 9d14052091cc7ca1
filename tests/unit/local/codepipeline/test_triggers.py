"""Which pushes start which pipelines."""

from __future__ import annotations

from typing import Any

import pytest
from fake_codepipeline import Service, action, pipeline

from local.codepipeline.globs import matches_any
from local.codepipeline.triggers import passes
from local.source.repositories import Push


@pytest.mark.parametrize(
    ("pattern", "text", "matching"),
    [
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "docs", False),
        ("docs/*", "docs/a/b.md", False),
        ("docs/*", "docs/b.md", True),
        ("**/*.md", "docs/b.md", True),
        ("**/*.md", "README.md", False),  # as Java has it: the slash has to be there
        ("**.md", "README.md", True),
        ("*.{md,txt}", "LICENSE.txt", True),
        ("*.{md,txt}", "LICENSE.py", False),
        ("file-[0-9].txt", "file-7.txt", True),
        ("file-[!0-9].txt", "file-7.txt", False),
        ("a?c", "a/c", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("a.c", "abc", False),
        ("release/**", "release/2026/11", True),
    ],
)
def test_globs(pattern: str, text: str, matching: bool) -> None:
    assert matches_any(text, [pattern]) is matching


@pytest.mark.parametrize(
    ("branches", "paths", "pushed", "passing"),
    [
        ({"includes": ["main"]}, None, ("main", ["README.md"]), True),
        ({"includes": ["main"]}, None, ("dev", ["app.py"]), False),
        ({"excludes": ["dev/**"]}, None, ("dev/x", ["app.py"]), False),
        ({"includes": ["**"], "excludes": ["main"]}, None, ("main", ["app.py"]), False),
        (
            {"includes": ["main"]},
            {"excludes": ["docs/**", "*.md"]},
            ("main", ["docs/a.md", "README.md"]),
            False,
        ),
        ({"includes": ["main"]}, {"excludes": ["docs/**", "*.md"]}, ("main", ["docs/a.md", "app.py"]), True),
        ({"includes": ["main"]}, {"excludes": ["docs/**"]}, ("dev", ["app.py"]), False),
        ({"includes": ["main"]}, {"includes": ["edge/**"]}, ("main", ["app.py"]), False),
        (
            {"includes": ["main"]},
            {"includes": ["edge/**"], "excludes": ["**.md"]},
            ("main", ["edge/a.md"]),
            False,
        ),
    ],
)
def test_filter_joins_branches_and_paths(
    branches: dict[str, Any], paths: dict[str, Any] | None, pushed: tuple[str, list[str]], passing: bool
) -> None:
    push = {"branches": branches} | ({"filePaths": paths} if paths else {})
    assert passes(push, *pushed) is passing


def connected(*pushes: dict[str, Any], **configuration: str) -> dict[str, Any]:
    source = action("Source", "CodeStarSourceConnection")
    source["configuration"] |= configuration
    git = {"sourceActionName": "Source", "push": list(pushes)}
    triggers = [{"providerType": "CodeStarSourceConnection", "gitConfiguration": git}] if pushes else []
    declared = pipeline(triggers=triggers)
    declared["stages"][0]["actions"] = [source]
    return declared


def push(
    service: Service, branch: str, *paths: str, kind: str = "connection", name: str = "acme/line"
) -> list[str]:
    return service.triggers.pushed(
        kind=kind, repository=name, branch=branch, changed_paths=paths, commit="c0ffee"
    )


MAIN = {"branches": {"includes": ["main"]}, "filePaths": {"excludes": ["docs/**"]}}


def test_push_starts_the_pipeline_at_the_pushed_commit(service: Service) -> None:
    service.create(connected(MAIN))
    [execution] = push(service, "main", "app.py")
    assert service.ended(execution) == "Succeeded"
    source = next(work for work in service.kind.seen if work.execution_id == execution)
    assert source.override is not None
    assert (source.override.revision, source.override.branch) == ("c0ffee", "main")
    found = service.executions.get_pipeline_execution(
        None,
        pipelineName="line",
        pipelineExecutionId=execution,  # type: ignore[arg-type]
    )["pipelineExecution"]
    assert found["trigger"]["triggerType"] == "WebhookV2"
    assert found["artifactRevisions"][0]["revisionId"] == "c0ffee"


def test_push_of_the_docs_starts_nothing(service: Service) -> None:
    service.create(connected(MAIN))
    assert push(service, "main", "docs/adr/0001.md") == []
    assert push(service, "other", "app.py") == []
    assert push(service, "main", "app.py", name="acme/other") == []
    assert push(service, "main", "app.py", kind="codecommit") == []


def test_one_push_that_two_filters_let_through_starts_one_execution(service: Service) -> None:
    service.create(connected(MAIN, {"branches": {"includes": ["m*"]}}))
    assert len(push(service, "main", "app.py")) == 1


def test_without_trigger_every_push_to_the_branch_starts_it(service: Service) -> None:
    service.create(connected())
    assert len(push(service, "main", "docs/a.md")) == 1
    assert push(service, "dev", "app.py") == []


def test_nothing_starts_where_changes_are_not_detected(service: Service) -> None:
    service.create(connected(DetectChanges="false"))
    assert push(service, "main", "app.py") == []


def test_deleted_branch_starts_nothing(service: Service) -> None:
    first = service.create(connected())
    service.triggers.heard(Push("connection", "acme/line", "main", "c0ffee", None, ()))
    assert list(service.book.get("line").executions) == [first]
    service.triggers.heard(Push("connection", "acme/line", "main", "c0ffee", "beef", ("a",)))
    assert len(service.book.get("line").executions) == 2
