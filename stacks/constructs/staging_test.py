"""The test of the staging endpoint: the training's evaluation job, which asks the endpoint instead."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.sagemaker_role import SageMakerRole
from stacks.grants import allow, pass_role, read_objects, write_objects

_SECONDS = 3600
_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_JOBS = "jobs are named after the release and its execution"


class StagingTest(Construct):
    """A state that runs `pipeline_defs.detection.scripts.evaluate` as a processing job and waits for it.

    The code, the test set, the training's own predictions and the container are those that the model package
    names. The job runs beside its data, in the tools account, and asks the endpoint as staging's tester: a
    role that another code than ours may have, since it can do nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        key: kms.IKey,
        role_name: str,
        tester_role_arn: str,
        job_prefixes: list[str],
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._tags = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._job_prefixes, self._tester_role_arn = job_prefixes, tester_role_arn
        self.role = SageMakerRole(
            self, "Role", runs=("ProcessingJobs",), images="pytorch-inference", role_name=role_name
        )
        read_objects(self.role, artifacts, key, "runs/*/test", "runs/*/dataset", "runs/*/evaluation", "code/")
        write_objects(self.role, artifacts, key, "releases/*/staging/")
        allow(self.role, "sts:AssumeRole", on=[tester_role_arn])
        self.state = sfn.CustomState(self, "Test staging", state_json=self._task(key))
        self.state.add_retry(
            errors=[
                "SageMaker.ThrottlingException",
                "ThrottlingException",
                "SageMaker.ResourceLimitExceeded",
            ],
            interval=cdk.Duration.seconds(30),
            backoff_rate=2,
            max_attempts=5,
        )

    def grant_run(self, machine_role: iam.IRole) -> None:
        """Let a state machine start the job, wait for it and stop it."""
        stack = cdk.Stack.of(self)
        jobs = [
            stack.format_arn(service="sagemaker", resource="processing-job", resource_name=f"{prefix}-*")
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

    def _task(self, key: kms.IKey) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
            "Parameters": self._job(key),
            "ResultSelector": {"job.$": "$.ProcessingJobArn"},
            "ResultPath": "$.staging_job",
            "TimeoutSeconds": _SECONDS + 900,
        }

    def _job(self, key: kms.IKey) -> dict[str, Any]:
        return {
            "ProcessingJobName.$": "$.package.test.job",
            "RoleArn": self.role.role_arn,
            "Tags": self._tags,
            "AppSpecification": {
                "ImageUri.$": "$.package.image",
                "ContainerEntrypoint": [
                    "/bin/sh",
                    f"{_INPUT}/code/pipeline_defs/run_job.sh",
                    "pipeline_defs.detection.scripts.evaluate",
                ],
                "ContainerArguments.$": (
                    f"States.Array('--test', '{_INPUT}/test', '--dataset', '{_INPUT}/dataset',"
                    f" '--evaluation', '{_INPUT}/evaluation', '--output-dir', '{_OUTPUT}',"
                    # As JSON, since an argument is a string, and what has no component says null.
                    " '--endpoint', $.staging.endpoint,"
                    " '--component', States.JsonToString($.staging.component),"
                    f" '--role', '{self._tester_role_arn}', '--session', $.package.test.job)"
                ),
            },
            "Environment": {"AWS_DEFAULT_REGION": cdk.Stack.of(self).region},
            "ProcessingInputs": [_input(name, path) for name, path in _INPUTS.items()],
            "ProcessingOutputConfig": {
                "KmsKeyId": key.key_arn,
                "Outputs": [
                    {
                        "OutputName": "results",
                        "S3Output": {
                            "S3Uri.$": "$.package.test.results",
                            "LocalPath": _OUTPUT,
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType.$": "$.package.test.instance",
                    "VolumeSizeInGB": 30,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": _SECONDS},
        }


_INPUTS = {
    "code": "$.package.code",
    "test": "$.package.test_set",
    "dataset": "$.package.dataset",
    "evaluation": "$.package.test.evaluation",
}


def _input(name: str, uri_path: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri.$": uri_path,
            "LocalPath": f"{_INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        },
    }
