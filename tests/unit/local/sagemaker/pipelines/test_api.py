from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

_JOB_ACTIONS = [
    "sagemaker:CreateProcessingJob",
    "sagemaker:DescribeProcessingJob",
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:CreateModelPackage",
    "sagemaker:DescribeModelPackage",
]


def _role(lab: Any, actions: list[str]) -> str:
    own = [f"arn:aws:s3:::{lab.name}", f"arn:aws:s3:::{lab.name}/*"]
    statements = [lab.allow("s3:*", *own), lab.allow(actions, "*")]
    arn: str = lab.role(*statements, lab.allow("iam:PassRole", "*"))
    return arn


class Line:
    """A pipeline of the test's own, with what its parameters name."""

    def __init__(self, lab: Any, definition: dict[str, Any], actions: list[str] = _JOB_ACTIONS) -> None:
        self.lab, self.name = lab, lab.name
        script = "import time; time.sleep(0.1); print('map50=0.75;')"
        source = lab.put("code/sourcedir.tar.gz", lab.tar_gz({"train.py": script}))
        self.role = _role(lab, actions)
        self.parameters = {"Bucket": lab.name, "Role": self.role, "Source": source, "Group": lab.name}
        lab.sm.create_model_package_group(ModelPackageGroupName=lab.name)
        self.create(definition)

    def create(self, definition: dict[str, Any]) -> None:
        self.lab.sm.create_pipeline(
            PipelineName=self.name,
            PipelineDefinition=json.dumps(definition),
            RoleArn=self.role,
            ClientRequestToken=uuid.uuid4().hex,
        )

    def start(self, map50: float = 0.7, token: str | None = None, **more: Any) -> str:
        given = {**self.parameters, "Report": json.dumps({"map50": map50})}
        arn: str = self.lab.sm.start_pipeline_execution(
            PipelineName=self.name,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in given.items()],
            ClientRequestToken=token or uuid.uuid4().hex,
            **more,
        )["PipelineExecutionArn"]
        return arn

    def ended(self, arn: str) -> dict[str, Any]:
        def look() -> Any:
            execution = self.lab.sm.describe_pipeline_execution(PipelineExecutionArn=arn)
            return None if execution["PipelineExecutionStatus"] in ("Executing", "Stopping") else execution

        execution: dict[str, Any] = self.lab.until(look)
        return execution

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        found = self.lab.sm.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        return {step["StepName"]: step for step in found["PipelineExecutionSteps"]}

    def packages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lab.sm.list_model_packages(ModelPackageGroupName=self.name)[
            "ModelPackageSummaryList"
        ]
        return found


def test_a_good_model_is_registered_and_waits_for_approval(
    lab: Any, definition: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    line = Line(lab, definition)
    arn = line.start()
    assert line.ended(arn)["PipelineExecutionStatus"] == "Succeeded"
    steps = line.steps(arn)
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ["Prepare", "Train", "CheckMap50", "Register"], "Succeeded"
    )
    assert list(steps) == ["Prepare", "Train", "CheckMap50", "Register"]
    assert steps["CheckMap50"]["Metadata"]["Condition"]["Outcome"] == "True"
    package = lab.sm.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] == {"map50": "0.75"}
    assert package["MetadataProperties"]["GeneratedBy"] == arn
    model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    assert model.removeprefix(f"s3://{lab.name}/") in lab.keys("runs/")
    told = [e["detail"] for e in events if "Execution Status" in e["detail-type"]]
    assert [d["currentPipelineExecutionStatus"] for d in told] == ["Executing", "Succeeded"]


def test_a_metric_under_the_threshold_registers_nothing_and_says_so(
    lab: Any, definition: dict[str, Any]
) -> None:
    line = Line(lab, definition)
    arn = line.start(map50=0.59)
    execution = line.ended(arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "TooLow: map50 is below 0.6" in execution["FailureReason"]
    assert line.packages() == []


def test_a_step_that_crashes_fails_the_execution_with_its_reason(
    lab: Any, definition: dict[str, Any]
) -> None:
    entry = definition["Steps"][0]["Arguments"]["AppSpecification"]
    entry["ContainerEntrypoint"] = ["/bin/sh", "-c", "printf 'nothing\\nis labelled\\n' >&2; exit 4"]
    line = Line(lab, definition)
    arn = line.start()
    execution = line.ended(arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "Prepare: AlgorithmError: nothing is labelled, exit code: 4" in execution["FailureReason"]
    assert list(line.steps(arn)) == ["Prepare"]


def test_a_grant_that_the_pipelines_role_lacks_is_named(lab: Any, definition: dict[str, Any]) -> None:
    line = Line(lab, definition, [a for a in _JOB_ACTIONS if a != "sagemaker:CreateTrainingJob"])
    execution = line.ended(line.start())
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "sagemaker:CreateTrainingJob" in execution["FailureReason"]


def test_the_same_token_starts_once(lab: Any, definition: dict[str, Any]) -> None:
    line = Line(lab, definition)
    token = uuid.uuid4().hex
    arn = line.start(map50=0.1, token=token)
    assert line.start(map50=0.1, token=token) == arn
    line.ended(arn)
    found = lab.sm.list_pipeline_executions(PipelineName=line.name)["PipelineExecutionSummaries"]
    assert [execution["PipelineExecutionArn"] for execution in found] == [arn]


def test_an_execution_can_be_stopped_with_its_job(lab: Any, definition: dict[str, Any]) -> None:
    entry = definition["Steps"][0]["Arguments"]["AppSpecification"]
    entry["ContainerEntrypoint"] = ["/bin/sh", "-c", "sleep 300"]
    line = Line(lab, definition)
    arn = line.start()
    job = lab.until(lambda: line.steps(arn).get("Prepare", {}).get("Metadata"))["ProcessingJob"]["Arn"]
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex)
    assert line.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    assert lab.ended(job.rsplit("/", 1)[1])["ProcessingJobStatus"] == "Stopped"
    assert line.steps(arn)["Prepare"]["StepStatus"] == "Stopped"


def test_a_throttled_call_is_tried_again(
    lab: Any, definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    definition["Steps"] = definition["Steps"][:1]
    policy = {
        "ExceptionType": ["Step.THROTTLING"],
        "IntervalSeconds": 1,
        "BackoffRate": 1.0,
        "MaxAttempts": 2,
    }
    definition["Steps"][0]["RetryPolicies"] = [policy]
    line = Line(lab, definition)
    refusals = iter([True])
    real = lab.plugin.jobs.processing.kind.check

    def check(request: dict[str, Any]) -> None:
        if next(refusals, False):
            raise _throttled()
        real(request)

    monkeypatch.setattr(lab.plugin.jobs.processing.kind, "check", check)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    arn = line.start()
    assert line.ended(arn)["PipelineExecutionStatus"] == "Succeeded"


def _throttled() -> Exception:
    from local.cloud.errors import AwsError

    return AwsError("ThrottlingException", "Rate exceeded")


def test_a_pipeline_is_updated_found_and_deleted(lab: Any, definition: dict[str, Any]) -> None:
    line = Line(lab, definition)
    with pytest.raises(ClientError, match="already exists"):
        line.create(definition)
    definition["Steps"][0]["Type"] = "Transform"
    with pytest.raises(ClientError, match="steps of type Transform"):
        lab.sm.update_pipeline(PipelineName=line.name, PipelineDefinition=json.dumps(definition))
    lab.sm.update_pipeline(PipelineName=line.name, PipelineDescription="changed")
    assert lab.sm.describe_pipeline(PipelineName=line.name)["PipelineDescription"] == "changed"
    lab.sm.delete_pipeline(PipelineName=line.name, ClientRequestToken=uuid.uuid4().hex)
    with pytest.raises(ClientError) as missing:
        lab.sm.describe_pipeline(PipelineName=line.name)
    assert missing.value.response["Error"]["Code"] == "ResourceNotFound"
