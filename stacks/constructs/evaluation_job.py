"""The training's evaluation, run again by a state machine on a model or an endpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.sagemaker_role import SageMakerRole
from stacks.grants import allow, pass_role

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"

_SECONDS = 3600
_JOBS = "jobs are named after the release and its execution"
_PASSES = ("SageMaker.ThrottlingException", "ThrottlingException", "SageMaker.ResourceLimitExceededException")
# What Step Functions calls all that SageMaker's API does not name, throttling among it, and denials.
_MAY_PASS = ("SageMaker.AmazonSageMakerException",)


class EvaluationJob(Construct):
    """A role, and a state that runs the evaluation of a model's task in it and waits for the end.

    `job_prefixes` begin the names of its jobs. What differs from job to job are paths into the state: `name`,
    `image`, `instance`, `entrypoint` (the program, as a list), where `results` go, and `inputs` by their
    folder under INPUT. `arguments` are the script's, as the members of AppSpecification.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_prefixes: Sequence[str],
        tags: Mapping[str, str],
        role_name: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._job_prefixes = job_prefixes
        self._tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.role = SageMakerRole(
            self, "Role", runs=("ProcessingJobs",), images="pytorch-inference", role_name=role_name
        )

    def task(
        self,
        title: str,
        *,
        key: kms.IKey,
        arguments: Mapping[str, Any],
        inputs: Mapping[str, str],
        name: str,
        image: str,
        entrypoint: str,
        instance: str,
        results: str,
        result_path: str,
    ) -> sfn.CustomState:
        """Make the state; it tries again what passes by itself."""
        resources = {"InstanceCount": 1, "InstanceType.$": instance, "VolumeSizeInGB": 30}
        job = {
            "ProcessingJobName.$": name,
            "RoleArn": self.role.role_arn,
            "Tags": self._tags,
            "AppSpecification": {
                "ImageUri.$": image,
                "ContainerEntrypoint.$": entrypoint,
                **arguments,
            },
            "Environment": {"AWS_DEFAULT_REGION": cdk.Stack.of(self).region},
            "ProcessingInputs": [_input(folder, path) for folder, path in inputs.items()],
            "ProcessingOutputConfig": {"KmsKeyId": key.key_arn, "Outputs": [_output(results)]},
            "ProcessingResources": {"ClusterConfig": resources},
            "StoppingCondition": {"MaxRuntimeInSeconds": _SECONDS},
        }
        document = {
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
            "Parameters": job,
            "ResultSelector": {"job.$": "$.ProcessingJobArn"},
            "ResultPath": result_path,
            "TimeoutSeconds": _SECONDS + 900,
        }
        state = sfn.CustomState(self, title, state_json=document)
        for errors, attempts in ((_PASSES, 5), (_MAY_PASS, 3)):
            state.add_retry(
                errors=list(errors),
                interval=cdk.Duration.seconds(30),
                backoff_rate=2,
                max_attempts=attempts,
            )
        return state

    def grant_run(self, machine_role: iam.IRole) -> None:
        """Let a state machine start the job, wait for it and stop it."""
        stack = cdk.Stack.of(self)
        jobs = [
            stack.format_arn(service="sagemaker", resource="processing-job", resource_name=f"{prefix}*")
            for prefix in self._job_prefixes
        ]
        actions = ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob", "AddTags")
        allow(machine_role, *(f"sagemaker:{action}" for action in actions), on=jobs, because=_JOBS)
        pass_role(machine_role, self.role, "sagemaker.amazonaws.com")
        rule = stack.format_arn(
            service="events",
            resource="rule",
            resource_name="StepFunctionsGetEventsForSageMakerProcessingJobsRule",
        )
        allow(machine_role, "events:PutTargets", "events:PutRule", "events:DescribeRule", on=[rule])


def _input(folder: str, path: str) -> dict[str, Any]:
    source = {"S3Uri.$": path, "LocalPath": f"{INPUT}/{folder}"}
    return {"InputName": folder, "S3Input": {**source, "S3DataType": "S3Prefix", "S3InputMode": "File"}}


def _output(path: str) -> dict[str, Any]:
    target = {"S3Uri.$": path, "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {"OutputName": "results", "S3Output": target}
