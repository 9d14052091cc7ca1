# ruff: noqa: N803 - the parameters have the API's own names
"""The approval action: waits until a person has decided."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codepipeline.book import Book
from local.codepipeline.records import now
from local.codepipeline.work import ActionError, Done, Work

_LONGEST_MINUTES = 7 * 24 * 60


@dataclass
class _Question:
    place: tuple[str, str, str]  # pipeline, stage, action
    answer: dict[str, str] | None = None
    by: str = ""
    over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Approvals:
    """Asks, and serves PutApprovalResult."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._questions: dict[str, _Question] = {}

    def run(self, work: Work) -> Done:
        """Do the action."""
        token = str(uuid.uuid4())
        question = _Question((work.pipeline, work.action.stage, work.action.name))
        self._questions[token] = question
        minutes = int(work.action.declared.get("timeoutInMinutes", _LONGEST_MINUTES))
        try:
            self._notify(work, token, minutes)
            work.report(token=token)
            work.until(lambda: question.answer, minutes * 60, "The approval")
        finally:
            with question.lock:
                question.over = True
        answer = question.answer or {}
        work.report(updated_by=question.by, summary=answer["summary"])
        if answer["status"] != "Approved":
            raise ActionError("JobFailed", f"Rejected by {question.by}: {answer['summary']}")
        return Done(variables={"ApprovalSummary": answer["summary"]}, summary=answer["summary"])

    def put_approval_result(
        self,
        call: Call,
        *,
        pipelineName: str,
        stageName: str,
        actionName: str,
        result: dict[str, str],
        token: str,
    ) -> dict[str, Any]:
        """Serve PutApprovalResult."""
        pipeline = self._book.get(pipelineName)
        pipeline.require_stage(stageName)
        stage = next(s for s in pipeline.declaration["stages"] if s["name"] == stageName)
        if actionName not in [action["name"] for action in stage["actions"]]:
            raise AwsError("ActionNotFoundException", f"Stage {stageName} has no action {actionName}")
        question = self._questions.get(token)
        if question is None or question.place != (pipelineName, stageName, actionName):
            raise AwsError("InvalidApprovalTokenException", "Invalid approval token")
        with question.lock:
            if question.answer or question.over:
                raise AwsError("ApprovalAlreadyCompletedException", "The approval is completed already")
            question.by, question.answer = call.principal_arn, result
        return {"approvedAt": now()}

    def _notify(self, work: Work, token: str, minutes: int) -> None:
        topic = work.configuration.get("NotificationArn")
        if not topic:
            return
        approval = {
            "pipelineName": work.pipeline,
            "stageName": work.action.stage,
            "actionName": work.action.name,
            "token": token,
            "expires": f"{now() + timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}",
            "externalEntityLink": work.configuration.get("ExternalEntityLink"),
            "customData": work.configuration.get("CustomData"),
        }
        message = {"region": work.call.region, "consoleLink": "", "approval": approval}
        work.session.client("sns").publish(
            TopicArn=topic,
            Subject=f"APPROVAL NEEDED: AWS CodePipeline {work.pipeline} for action {work.action.name}"[:100],
            Message=json.dumps(message),
        )
