"""Actions that wait for somebody: a function's answer, a person's decision."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fake_codepipeline import CALL, Service, action, pipeline, stage, until

from local.cloud.errors import AwsError
from local.codepipeline.actions import approval, function
from local.codepipeline.actions.approval import Approvals
from local.codepipeline.actions.function import LambdaJobs
from local.codepipeline.declaration import Action
from local.codepipeline.records import Location
from local.codepipeline.work import ActionError, Done, Work


class Functions:
    """A client of Lambda whose functions are Python."""

    def __init__(self, answer: Callable[[Mapping[str, Any]], None]) -> None:
        self.events: list[dict[str, Any]] = []
        self._answer = answer

    def client(self, service: str) -> Functions:
        return self

    def invoke(self, **request: Any) -> None:
        assert request["InvocationType"] == "Event"
        event = json.loads(request["Payload"])["CodePipeline.job"]
        self.events.append(event)
        threading.Thread(target=self._answer, args=(event,)).start()


def work(session: Any, declared: dict[str, Any]) -> Work:
    return Work(
        id="a1", action=Action("Work", declared["name"], declared), pipeline="line", pipeline_arn="arn",
        execution_id="e1", configuration=declared["configuration"], inputs={"In": Location("b", "k")},
        outputs={}, encryption_key="key", override=None, revisions={"In": "v1"},
        pipeline_role="role", role_arn="role", session=session, call=CALL, abandoned=threading.Event(),
        report=lambda **fields: None, permit=lambda done, resource: None,
    )  # fmt: skip


def jobs() -> LambdaJobs:
    return LambdaJobs(lambda work: {"accessKeyId": "a", "secretAccessKey": "s", "sessionToken": "t"})


def invoked(
    answer: Callable[[LambdaJobs, str, int], None],
) -> tuple[LambdaJobs, Functions, Callable[[], Done]]:
    service = jobs()
    count = iter(range(10))
    functions = Functions(lambda event: answer(service, event["id"], next(count)))
    declared = action("tell", configuration={"FunctionName": "f", "UserParameters": "7"})
    return service, functions, lambda: service.run(work(functions, declared))


def test_function_ends_its_job() -> None:
    def answer(service: LambdaJobs, job: str, _: int) -> None:
        service.put_job_success_result(CALL, jobId=job, outputVariables={"started": "none"})

    service, functions, run = invoked(answer)
    assert run().variables == {"started": "none"}
    [event] = functions.events
    assert event["data"]["actionConfiguration"] == {
        "configuration": {"FunctionName": "f", "UserParameters": "7"}
    }
    assert event["data"]["inputArtifacts"] == [
        {
            "name": "In",
            "revision": "v1",
            "location": {"type": "S3", "s3Location": {"bucketName": "b", "objectKey": "k"}},
        }
    ]
    assert event["data"]["encryptionKey"]["type"] == "KMS"
    details = service.get_job_details(CALL, jobId=event["id"])["jobDetails"]
    assert details["data"]["pipelineContext"]["pipelineExecutionId"] == "e1"
    with pytest.raises(AwsError, match="InvalidJobStateException"):
        service.put_job_failure_result(
            CALL, jobId=event["id"], failureDetails={"type": "JobFailed", "message": "late"}
        )
    with pytest.raises(AwsError, match="JobNotFoundException"):
        service.put_job_success_result(CALL, jobId="other")


def test_failure_is_the_functions_own_words() -> None:
    def answer(service: LambdaJobs, job: str, _: int) -> None:
        details = {"type": "ConfigurationError", "message": "no such pipeline"}
        service.put_job_failure_result(CALL, jobId=job, failureDetails=details)

    _, _, run = invoked(answer)
    with pytest.raises(ActionError, match="no such pipeline") as caught:
        run()
    assert caught.value.code == "ConfigurationError"


def test_continuation_invokes_again_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "_AGAIN_SECONDS", 0)

    def answer(service: LambdaJobs, job: str, count: int) -> None:
        token = {"continuationToken": f"step {count}"} if count < 2 else {}
        service.put_job_success_result(CALL, jobId=job, **token)

    _, functions, run = invoked(answer)
    run()
    assert [event["data"].get("continuationToken") for event in functions.events] == [
        None,
        "step 0",
        "step 1",
    ]
    assert len({event["id"] for event in functions.events}) == 3


def test_function_that_says_nothing_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "_LONGEST_SECONDS", 0)
    service, functions, run = invoked(lambda service, job, count: None)
    with pytest.raises(ActionError, match="gave no result: the job timed out"):
        run()
    with pytest.raises(AwsError, match="InvalidJobStateException"):
        service.put_job_success_result(CALL, jobId=functions.events[0]["id"])


def test_too_many_output_variables_are_refused() -> None:
    with pytest.raises(AwsError, match="OutputVariablesSizeExceededException"):
        jobs().put_job_success_result(CALL, jobId="j", outputVariables={"a": "x" * 130_000})


def asking(service: Service) -> Approvals:
    service.create(pipeline(stage("Ask", action("ok", "Manual"))))
    return Approvals(service.book)


def ask(approvals: Approvals, **declared: Any) -> tuple[dict[str, str], list[Any], threading.Thread]:
    """Ask on a thread; give what it reports, and what comes of it."""
    reported: dict[str, str] = {}
    outcome: list[Any] = []
    made = work(None, action("ok", "Manual", **declared))
    asked = Action("Ask", "ok", made.action.declared)
    question = Work(**{**made.__dict__, "action": asked, "report": lambda **fields: reported.update(fields)})

    def run() -> None:
        try:
            outcome.append(approvals.run(question))
        except ActionError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    return reported, outcome, thread


def decide(approvals: Approvals, token: str, status: str = "Approved", name: str = "ok") -> None:
    result = {"summary": "seen", "status": status}
    approvals.put_approval_result(
        CALL, pipelineName="line", stageName="Ask", actionName=name, result=result, token=token
    )


def test_decision_needs_the_token_of_its_question(service: Service) -> None:
    approvals = asking(service)
    reported, outcome, thread = ask(approvals)
    token = until(lambda: reported.get("token"))
    with pytest.raises(AwsError, match="InvalidApprovalTokenException"):
        decide(approvals, "another")
    with pytest.raises(AwsError, match="ActionNotFoundException"):
        decide(approvals, token, name="other")
    decide(approvals, token)
    thread.join()
    assert outcome == [Done(variables={"ApprovalSummary": "seen"}, summary="seen")]
    assert reported["updated_by"] == CALL.principal_arn
    with pytest.raises(AwsError, match="ApprovalAlreadyCompletedException"):
        decide(approvals, token, "Rejected")


def test_nobody_decides_in_time(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval, "_LONGEST_MINUTES", 0)
    approvals = asking(service)
    reported, outcome, thread = ask(approvals)
    thread.join()
    assert outcome == ["The approval timed out"]
    with pytest.raises(AwsError, match="ApprovalAlreadyCompletedException"):
        decide(approvals, reported["token"])
