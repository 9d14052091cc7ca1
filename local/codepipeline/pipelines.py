# ruff: noqa: N803 - the parameters have the API's own names
"""The API's operations on pipelines themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codepipeline.book import Book, Pipeline, page
from local.codepipeline.engine import Engine
from local.codepipeline.records import now
from local.codepipeline.stage_locks import Transition
from local.codepipeline.structure import check

_ANSWERED_TAGS = 50


class Pipelines:
    """CreatePipeline to ListTagsForResource."""

    def __init__(self, book: Book, engine: Engine) -> None:
        self._book, self._engine = book, engine
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def create_pipeline(
        self, call: Call, *, pipeline: dict[str, Any], tags: Iterable[Mapping[str, str]] = ()
    ) -> dict[str, Any]:
        """Serve CreatePipeline, which also starts the first execution."""
        tags = list(tags)
        check(pipeline, call.region)
        self._engine.check_role(pipeline["roleArn"])
        made = self._book.add(pipeline["name"], call.arn("codepipeline", pipeline["name"]), pipeline)
        self._keep_tags(made.arn, tags)
        if all("defaultValue" in variable for variable in pipeline.get("variables", [])):
            self._engine.start(made, {"triggerType": "CreatePipeline", "triggerDetail": call.principal_arn})
        return {"pipeline": made.declaration, "tags": tags}

    def update_pipeline(self, call: Call, *, pipeline: dict[str, Any]) -> dict[str, Any]:
        """Serve UpdatePipeline: a new version, and the end of what runs of the old one."""
        kept = self._book.get(pipeline["name"])
        check(pipeline, call.region)
        self._engine.check_role(pipeline["roleArn"])
        with kept.locks.changed:
            kept.versions.append({**pipeline, "version": kept.version + 1})
            kept.updated = now()
        self._engine.cancel(kept)
        return {"pipeline": kept.declaration}

    def get_pipeline(self, call: Call, *, name: str, version: int | None = None) -> dict[str, Any]:
        """Serve GetPipeline, of any version."""
        kept = self._book.get(name)
        if version is not None and not 1 <= version <= kept.version:
            raise AwsError(
                "PipelineVersionNotFoundException", f"Pipeline {name} does not have a version {version}"
            )
        metadata = {"pipelineArn": kept.arn, "created": kept.created, "updated": kept.updated}
        return {"pipeline": kept.versions[(version or kept.version) - 1], "metadata": metadata}

    def list_pipelines(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve ListPipelines."""
        found, token = page(self._book.all(), request, 1000)
        return {"pipelines": [_summary(pipeline) for pipeline in found], "nextToken": token}

    def delete_pipeline(self, call: Call, *, name: str) -> None:
        """Serve DeletePipeline: one that does not exist is no error, what runs is left."""
        if gone := self._book.remove(name):
            self._engine.end(gone)
            with self._lock:
                self._tags.pop(gone.arn, None)

    def enable_stage_transition(
        self, call: Call, *, pipelineName: str, stageName: str, transitionType: str
    ) -> None:
        """Serve EnableStageTransition."""
        self._set_transition(
            pipelineName, stageName, transitionType, Transition(True, "", call.principal_arn)
        )

    def disable_stage_transition(
        self, call: Call, *, pipelineName: str, stageName: str, transitionType: str, reason: str
    ) -> None:
        """Serve DisableStageTransition."""
        closed = Transition(False, reason, call.principal_arn)
        self._set_transition(pipelineName, stageName, transitionType, closed)

    def _set_transition(self, pipeline: str, stage: str, kind: str, transition: Transition) -> None:
        if kind != "Inbound":
            raise AwsError("ValidationException", "Only inbound transitions are served by the local cloud")
        kept = self._book.get(pipeline)
        kept.require_stage(stage)
        kept.locks.set_transition(stage, transition)

    def tag_resource(
        self, call: Call, *, resourceArn: str, tags: Iterable[Mapping[str, str]]
    ) -> dict[str, Any]:
        """Serve TagResource."""
        self._keep_tags(self._book.by_arn(resourceArn).arn, tags)
        return {}

    def untag_resource(self, call: Call, *, resourceArn: str, tagKeys: Iterable[str]) -> dict[str, Any]:
        """Serve UntagResource."""
        with self._lock:
            kept = self._tags.setdefault(self._book.by_arn(resourceArn).arn, {})
            for key in tagKeys:
                kept.pop(key, None)
        return {}

    def list_tags_for_resource(self, call: Call, *, resourceArn: str, **request: Any) -> dict[str, Any]:
        """Serve ListTagsForResource."""
        with self._lock:
            kept = self._tags.get(self._book.by_arn(resourceArn).arn, {})
            tags = [{"key": key, "value": value} for key, value in kept.items()]
        found, token = page(tags, request)
        return {"tags": found, "nextToken": token}

    def _keep_tags(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        with self._lock:
            kept = self._tags.setdefault(arn, {})
            kept.update({tag["key"]: tag["value"] for tag in tags})
            if len(kept) > _ANSWERED_TAGS:
                raise AwsError("TooManyTagsException", f"{arn} has more than {_ANSWERED_TAGS} tags")


def _summary(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "version": pipeline.version,
        "pipelineType": pipeline.declaration.get("pipelineType", "V1"),
        "executionMode": pipeline.declaration.get("executionMode", "SUPERSEDED"),
        "created": pipeline.created,
        "updated": pipeline.updated,
    }
