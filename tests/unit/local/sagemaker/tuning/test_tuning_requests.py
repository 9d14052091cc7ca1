"""Who may ask for a tuning job, what is refused, and a state machine that asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _caller(lab: Any, *statements: dict[str, Any]) -> Any:
    role = lab.role(*statements, suffix="caller")
    return lab.cloud.session(lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "t")).client(
        "sagemaker"
    )


def test_who_may_tune_needs_the_right_on_the_tuning_job_and_to_pass_the_role(
    tune: Callable[..., Any], lab: Any
) -> None:
    own = "arn:aws:sagemaker:*:*:hyper-parameter-tuning-job/tune-*"
    right = lab.allow("sagemaker:CreateHyperParameterTuningJob", own)
    with pytest.raises(ClientError, match="iam:PassRole"):
        tune(client=_caller(lab, right))
    lab.name += "-b"
    lab.client("s3").create_bucket(
        Bucket=lab.name, CreateBucketConfiguration={"LocationConstraint": lab.cloud.region}
    )
    passing = lab.allow("iam:PassRole", "*")
    # Not sagemaker:CreateTrainingJob: SageMaker itself starts the training jobs.
    assert tune(jobs=1, client=_caller(lab, right, passing)).ended()["BestTrainingJob"]


_LEVELS = {"CategoricalParameterRanges": [{"Name": "level", "Values": ["1", "2"]}]}
_OTHER_METRIC = {"Type": "Maximize", "MetricName": "x"}
_HYPERBAND = {"Strategy": "Hyperband"}
_WARM = {
    "WarmStartType": "TransferLearning",
    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "a"}],
}
_STATIC_RATE = {"CategoricalParameterRanges": [{"Name": "sagemaker_program", "Values": ["a", "b"]}]}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"config": _HYPERBAND}, "Strategy='Hyperband'"),
        ({"more": {"WarmStartConfig": _WARM}}, "WarmStartConfig"),
        ({"more": {"Autotune": {"Mode": "Enabled"}}}, "Autotune"),
        ({"config": {"TuningJobCompletionCriteria": {"TargetObjectiveMetricValue": 1.0}}}, "Criteria"),
        ({"definition": {"HyperParameterRanges": {"IntegerParameterRanges": []}}}, "HyperParameterRanges"),
        ({"definition": {"RetryStrategy": {"MaximumRetryAttempts": 2}}}, "RetryStrategy"),
        ({"config": {"HyperParameterTuningJobObjective": _OTHER_METRIC}}, "A metric is required"),
        ({"jobs": None}, "neither MaxNumberOfTrainingJobs nor MaxRuntimeInSeconds"),
        ({"ranges": _STATIC_RATE}, "sagemaker_program has a range and a static value"),
        ({"strategy": "Grid"}, "categorical parameters only"),
        ({"strategy": "Grid", "ranges": _LEVELS}, "MaxNumberOfTrainingJobs is 3, there are 2"),
        ({"definition": {"EnableManagedSpotTraining": True}}, "Invalid MaxWaitTimeInSeconds"),
        ({"definition": {"RoleArn": "arn:aws:iam::000000000000:role/nobody"}}, "Could not assume role"),
    ],
)  # fmt: skip
def test_what_aws_refuses_and_what_is_not_served_is_refused(
    tune: Callable[..., Any], given: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=named):
        tune(**given)


def test_a_state_machine_waits_for_a_tuning_job(tune: Callable[..., Any], lab: Any) -> None:
    asked: dict[str, Any] = {}
    taking = SimpleNamespace(create_hyper_parameter_tuning_job=lambda **request: _taken(asked, request))
    tune(jobs=2, client=taking)
    iam, name = lab.client("iam"), f"{lab.name}-states"
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    rights = [f"sagemaker:{verb}HyperParameterTuningJob" for verb in ("Create", "Describe", "Stop")]
    allowed = [lab.allow(rights, "*"), lab.allow("iam:PassRole", "*")]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    resource = "arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync"
    state = {"Type": "Task", "Resource": resource, "Parameters": asked, "End": True}
    states = lab.client("stepfunctions")
    machine = states.create_state_machine(
        name=name, roleArn=role, definition=json.dumps({"StartAt": "Tune", "States": {"Tune": state}})
    )
    arn = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    lab.until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
    ended = states.describe_execution(executionArn=arn)
    assert ended["status"] == "SUCCEEDED", ended
    told = json.loads(ended["output"])
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert set(told["BestTrainingJob"]["TunedHyperParameters"]) == {"rate"}


def _taken(asked: dict[str, Any], request: dict[str, Any]) -> dict[str, str]:
    """Take a request down in place of making it."""
    asked.update(request)
    return {"HyperParameterTuningJobArn": ""}
