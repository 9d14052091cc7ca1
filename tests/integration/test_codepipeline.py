"""A pipeline, deployed from a template and run: what its actions do, and what their roles keep them from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sample_pipeline
from botocore.exceptions import ClientError
from sample_stack import allow, write_assembly
from waiting import eventually

from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud


class Line:
    """The deployed pipeline, as root sees it."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, str]) -> None:
        self.cloud, self.outputs = cloud, outputs
        session = cloud.root_session()
        self.client: Any = session.client("codepipeline")
        self.s3: Any = session.client("s3")
        self.iam: Any = session.client("iam")

    def upload(self, template: dict[str, Any]) -> str:
        """Upload a source and give its version."""
        body = sample_pipeline.source_zip(template)
        answer = self.s3.put_object(Bucket=self.outputs["Source"], Key="source.zip", Body=body)
        return str(answer["VersionId"])

    def start(self, **request: Any) -> str:
        answer = self.client.start_pipeline_execution(name=sample_pipeline.PIPELINE, **request)
        return str(answer["pipelineExecutionId"])

    def execution(self, execution: str) -> dict[str, Any]:
        answer = self.client.get_pipeline_execution(
            pipelineName=sample_pipeline.PIPELINE, pipelineExecutionId=execution
        )
        found: dict[str, Any] = answer["pipelineExecution"]
        return found

    def ended(self, execution: str) -> str:
        def status() -> str | None:
            found = str(self.execution(execution)["status"])
            return None if found in ("InProgress", "Stopping") else found

        return str(eventually(status))

    def actions(self, execution: str) -> dict[str, dict[str, Any]]:
        """Give the attempts at actions of an execution, by name."""
        answer = self.client.list_action_executions(
            pipelineName=sample_pipeline.PIPELINE, filter={"pipelineExecutionId": execution}
        )
        return {found["actionName"]: found for found in answer["actionExecutionDetails"]}

    def error(self, execution: str, action: str) -> dict[str, str]:
        result = self.actions(execution)[action]["output"]["executionResult"]
        error: dict[str, str] = result["errorDetails"]
        return error

    def token(self, execution: str) -> str:
        """Wait until the execution asks, and give the token of its question."""

        def asked() -> str | None:
            state = self.client.get_pipeline_state(name=sample_pipeline.PIPELINE)
            stage = next(s for s in state["stageStates"] if s["stageName"] == "Approve")
            if stage.get("latestExecution", {}).get("pipelineExecutionId") != execution:
                return None
            return stage["actionStates"][0].get("latestExecution", {}).get("token")

        return str(eventually(asked))

    def answer(self, execution: str, status: str = "Approved", client: Any = None) -> None:
        (client or self.client).put_approval_result(
            pipelineName=sample_pipeline.PIPELINE, stageName="Approve", actionName="Ask",
            result={"summary": f"{status} by a test", "status": status}, token=self.token(execution),
        )  # fmt: skip

    @contextmanager
    def without(self, role: str, action: str) -> Iterator[None]:
        """Take a grant from a role for a while."""
        denial = {"Version": "2012-10-17", "Statement": [{**allow(action, "*"), "Effect": "Deny"}]}
        name = self.outputs[role]
        self.iam.put_role_policy(RoleName=name, PolicyName="without", PolicyDocument=json.dumps(denial))
        try:
            yield
        finally:
            self.iam.delete_role_policy(RoleName=name, PolicyName="without")


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("assembly")
    write_assembly(folder, {sample_pipeline.STACK: sample_pipeline.template()})
    made = Line(cloud, deploy(folder, cloud)[sample_pipeline.STACK])
    history = made.client.list_pipeline_executions(pipelineName=sample_pipeline.PIPELINE)
    [first] = history["pipelineExecutionSummaries"]
    # On AWS too, a new pipeline runs at once, and fails where its source is not there yet.
    assert first["trigger"]["triggerType"] == "CreatePipeline"
    assert made.ended(first["pipelineExecutionId"]) == "Failed"
    return made


def inbox(line: Line) -> tuple[Any, str]:
    """Give a queue that gets what the approval's topic publishes."""
    queue, sns = (line.cloud.root_session().client(name) for name in ("sqs", "sns"))
    url = queue.create_queue(QueueName="approvals")["QueueUrl"]
    arn = queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {**allow("sqs:SendMessage", arn), "Principal": {"Service": "sns.amazonaws.com"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=line.outputs["Topic"], Protocol="sqs", Endpoint=arn)
    return queue, url


def test_pipeline_runs_through_all_its_actions(line: Line) -> None:
    queue, url = inbox(line)
    version = line.upload(sample_pipeline.deployed())
    execution = line.start()
    line.answer(execution)
    assert line.ended(execution) == "Succeeded", line.actions(execution)
    actions = line.actions(execution)
    assert actions["Fetch"]["output"]["outputVariables"]["VersionId"] == version
    told = actions["Left"]["output"]["outputVariables"]
    assert told == {
        "continued": "no", "version": version, "files": "deploy/settings.json deploy/template.json input.json"
    }  # fmt: skip
    [message] = queue.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    approval = json.loads(json.loads(message["Body"])["Message"])["approval"]
    assert approval["customData"] == "files: deploy/settings.json deploy/template.json input.json"
    assert actions["Execute"]["output"]["outputVariables"] == {
        "Group": f"/{sample_pipeline.DEPLOYED}", "Version": version
    }  # fmt: skip
    assert actions["Tell"]["output"]["outputVariables"]["continued"] == "half way"
    assert actions["Ask"]["updatedBy"].endswith(":root")
    machine = line.cloud.root_session().client("stepfunctions")
    after = actions["Run"]["output"]["outputVariables"]["ExecutionArn"]
    assert after.rpartition(":")[2] == f"after-{actions['Run']['actionExecutionId']}"
    assert json.loads(machine.describe_execution(executionArn=after)["output"]) == {
        "group": f"/{sample_pipeline.DEPLOYED}"
    }
    right = actions["Right"]["output"]["executionResult"]["externalExecutionId"]
    assert json.loads(machine.describe_execution(executionArn=right)["output"]) == {"from": "the artifact"}
    words = line.cloud.root_session().client("ssm").get_parameter(Name=f"/{sample_pipeline.DEPLOYED}/words")
    assert words["Parameter"]["Value"] == "from the settings"


def test_nothing_to_change_is_a_success_and_an_old_version_can_be_released(line: Line) -> None:
    old = line.upload(sample_pipeline.deployed(retention=14))
    line.upload(sample_pipeline.deployed(broken=True))
    revision = {"actionName": "Fetch", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": old}
    for summary in ("was created", "is empty"):
        execution = line.start(sourceRevisions=[revision])
        line.answer(execution)
        assert line.ended(execution) == "Succeeded", line.actions(execution)
        prepared = line.actions(execution)["Prepare"]["output"]["executionResult"]
        assert summary in prepared["externalExecutionSummary"]
        assert line.actions(execution)["Execute"]["output"]["outputVariables"]["Version"] == old


def test_large_template_is_deployed_too(line: Line) -> None:
    line.upload(sample_pipeline.deployed(padding=60_000, retention=30))
    execution = line.start()
    line.answer(execution)
    assert line.ended(execution) == "Succeeded", line.actions(execution)


def test_failed_stack_fails_the_action_with_the_resources_reason(line: Line) -> None:
    line.upload(sample_pipeline.deployed(broken=True))
    execution = line.start()
    line.answer(execution)
    assert line.ended(execution) == "Failed"
    error = line.error(execution, "Execute")
    assert error["code"] == "JobFailed"
    assert "UPDATE_ROLLBACK_COMPLETE" in error["message"]
    assert "Broken: " in error["message"]
    assert "custom action types are not served" in error["message"]
    assert "Run" not in line.actions(execution)


@pytest.mark.parametrize(
    ("role", "grant", "action"),
    [
        ("PipelineRole", "s3:GetObjectVersion", "Fetch"),
        ("PipelineRole", "s3:PutObject", "Fetch"),
        ("PipelineRole", "lambda:InvokeFunction", "Left"),
        ("PipelineRole", "states:StartExecution", "Right"),
    ],
)
def test_removed_grant_fails_the_action_by_its_name(line: Line, role: str, grant: str, action: str) -> None:
    line.upload(sample_pipeline.deployed())
    with line.without(role, grant):
        execution = line.start()
        assert line.ended(execution) == "Failed"
    error = line.error(execution, action)
    assert error["code"] == "PermissionError"
    assert grant in error["message"]


@pytest.mark.parametrize(
    ("role", "grant"),
    [
        ("PipelineRole", "sts:AssumeRole"),
        ("DeployRole", "iam:PassRole"),
        ("DeployRole", "cloudformation:CreateChangeSet"),
    ],
)
def test_deployment_needs_its_grants(line: Line, role: str, grant: str) -> None:
    line.upload(sample_pipeline.deployed())
    execution = line.start()
    token = line.token(execution)
    assert token
    with line.without(role, grant):
        line.answer(execution)
        assert line.ended(execution) == "Failed"
    assert grant in line.error(execution, "Prepare")["message"]


def test_rejected_approval_ends_the_execution(line: Line) -> None:
    line.upload(sample_pipeline.deployed())
    execution = line.start()
    token = line.token(execution)
    line.answer(execution, "Rejected")
    assert line.ended(execution) == "Failed"
    assert "Rejected by a test" in line.error(execution, "Ask")["message"]
    assert "Prepare" not in line.actions(execution)
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        line.client.put_approval_result(
            pipelineName=sample_pipeline.PIPELINE, stageName="Approve", actionName="Ask",
            result={"summary": "again", "status": "Approved"}, token=token,
        )  # fmt: skip


def test_only_who_may_approve_approves(line: Line) -> None:
    resource = f"arn:aws:codepipeline:{line.cloud.region}:{line.cloud.account}:{sample_pipeline.PIPELINE}"
    document = {
        "Version": "2012-10-17",
        "Statement": [allow("codepipeline:PutApprovalResult", f"{resource}/Approve/*")],
    }
    policy = line.iam.create_policy(PolicyName="approver", PolicyDocument=json.dumps(document))
    approver = line.cloud.session(line.cloud.user("approver", [policy["Policy"]["Arn"]]))
    bystander = line.cloud.session(line.cloud.user("bystander", []))
    line.upload(sample_pipeline.deployed())
    execution = line.start()
    with pytest.raises(ClientError, match=r"codepipeline:PutApprovalResult on resource: .*/Approve/Ask"):
        line.answer(execution, client=bystander.client("codepipeline"))
    line.answer(execution, "Rejected", client=approver.client("codepipeline"))
    assert line.ended(execution) == "Failed"
    assert line.actions(execution)["Ask"]["updatedBy"].endswith(":user/approver")


def test_repeated_start_starts_once(line: Line) -> None:
    line.upload(sample_pipeline.deployed())
    execution = line.start(clientRequestToken="commit-1")
    assert line.start(clientRequestToken="commit-1") == execution
    line.answer(execution, "Rejected")
    line.ended(execution)
    assert line.start(clientRequestToken="commit-1") == execution


def test_stop_leaves_the_approval(line: Line) -> None:
    line.upload(sample_pipeline.deployed())
    execution = line.start()
    line.token(execution)
    line.client.stop_pipeline_execution(
        pipelineName=sample_pipeline.PIPELINE, pipelineExecutionId=execution, abandon=True, reason="enough"
    )
    assert line.ended(execution) == "Stopped"
    assert line.actions(execution)["Ask"]["status"] == "Abandoned"


def test_rule_starts_the_pipeline_with_its_role(line: Line) -> None:
    line.upload(sample_pipeline.deployed())
    before = {e["pipelineExecutionId"] for e in history(line)}
    entry = {"Source": "sample.pipeline", "DetailType": "go", "Detail": "{}"}
    line.cloud.root_session().client("events").put_events(Entries=[entry])
    [started] = eventually(lambda: [e for e in history(line) if e["pipelineExecutionId"] not in before])
    assert started["trigger"]["triggerType"] == "CloudWatchEvent"
    line.answer(started["pipelineExecutionId"], "Rejected")
    assert line.ended(started["pipelineExecutionId"]) == "Failed"


def history(line: Line) -> list[dict[str, Any]]:
    answer = line.client.list_pipeline_executions(pipelineName=sample_pipeline.PIPELINE)
    return list(answer["pipelineExecutionSummaries"])


def test_changed_pipeline_is_updated_and_started_again(line: Line, cloud: LocalCloud, tmp_path: Path) -> None:
    line.upload(sample_pipeline.deployed())
    execution = line.start()
    line.token(execution)
    changed = sample_pipeline.template()
    changed["Resources"]["Pipeline"]["Properties"]["Stages"].pop()
    write_assembly(tmp_path, {sample_pipeline.STACK: changed})
    assert deploy(tmp_path, cloud)[sample_pipeline.STACK]["Version"] == "2"
    assert line.execution(execution)["status"] == "Cancelled"
    newest = history(line)[0]["pipelineExecutionId"]
    assert newest != execution
    assert line.execution(newest)["pipelineVersion"] == 2
    line.answer(newest, "Rejected")
    line.ended(newest)
    state = line.client.get_pipeline_state(name=sample_pipeline.PIPELINE)
    assert [stage["stageName"] for stage in state["stageStates"]] == ["Source", "Check", "Approve", "Deploy"]
