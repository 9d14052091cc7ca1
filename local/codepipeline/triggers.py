"""Pushes that start pipelines by themselves: those to repositories behind connections."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from local.cloud.errors import AwsError
from local.codepipeline.book import Book, Pipeline
from local.codepipeline.declaration import Action, sources
from local.codepipeline.engine import Engine
from local.codepipeline.globs import matches_any
from local.codepipeline.records import Override

if TYPE_CHECKING:
    from local.source.repositories import Push

_LOG = logging.getLogger(__name__)


class Triggers:
    """Evaluates each push against the definition of each pipeline; one push starts one execution of it."""

    def __init__(self, book: Book, engine: Engine) -> None:
        self._book, self._engine = book, engine

    def pushed(
        self, *, kind: str, repository: str, branch: str, changed_paths: Sequence[str], commit: str
    ) -> list[str]:
        """Start the pipelines that the push is meant for; return the ids of the executions.

        Only pushes of kind "connection" start something: CodeCommit and S3 have EventBridge rules for that.
        """
        if kind != "connection":
            return []
        started = []
        for pipeline in self._book.all():
            hit = [
                action
                for action in sources(pipeline.declaration)
                if action.provider == "CodeStarSourceConnection"
                and action.configuration["FullRepositoryId"] == repository
                and _wanted(pipeline, action, branch, changed_paths)
            ]
            if hit:
                started += self._start(pipeline, hit, branch, commit)
        return started

    def heard(self, push: Push) -> None:
        """Take a push from the repositories; the deletion of a branch starts nothing."""
        if push.new is not None:
            self.pushed(
                kind=push.kind,
                repository=push.repository,
                branch=push.branch,
                changed_paths=push.changed_paths,
                commit=push.new,
            )

    def _start(self, pipeline: Pipeline, hit: Sequence[Action], branch: str, commit: str) -> list[str]:
        trigger = {"triggerType": "WebhookV2", "triggerDetail": hit[0].configuration["ConnectionArn"]}
        overrides = {action.name: Override(commit, branch) for action in hit}
        try:
            return [self._engine.start(pipeline, trigger, overrides=overrides).id]
        except AwsError as error:
            _LOG.error("%s was not started by the push of %s: %s", pipeline.name, commit, error)
            return []


def _wanted(pipeline: Pipeline, action: Action, branch: str, paths: Sequence[str]) -> bool:
    triggers = [
        trigger["gitConfiguration"]
        for trigger in pipeline.declaration.get("triggers", [])
        if trigger["gitConfiguration"]["sourceActionName"] == action.name
    ]
    filters = [push for trigger in triggers for push in trigger.get("push", [])]
    if filters:
        return any(passes(push, branch, paths) for push in filters)
    # A trigger without filters, or none and the detection of changes on, which it is by default.
    detects = bool(triggers) or action.configuration.get("DetectChanges", "true").lower() == "true"
    return detects and branch == action.configuration["BranchName"]


def passes(push: Mapping[str, Any], branch: str, paths: Sequence[str]) -> bool:
    """Tell whether a push passes a filter: its branch does, and so does at least one path that it changed.

    Within `includes` and `excludes`, what is excluded is out even if it is included too.
    """
    if not _chosen(push.get("branches", {}), branch):
        return False
    file_paths = push.get("filePaths")
    return file_paths is None or any(_chosen(file_paths, path) for path in paths)


def _chosen(criteria: Mapping[str, Sequence[str]], text: str) -> bool:
    if matches_any(text, criteria.get("excludes", ())):
        return False
    return not criteria.get("includes") or matches_any(text, criteria["includes"])
