"""The evaluation of the model in prod on the test set of a package that waits for approval."""

from collections.abc import Mapping, Sequence
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
_INPUTS = ("code", "model", "test_set", "dataset")
_AT = "$.plan.comparison"
_JOBS = "jobs are named after the execution"
_PASSES = ("SageMaker.ThrottlingException", "ThrottlingException", "SageMaker.ResourceLimitExceeded")


class Comparison(Construct):
    """A state that evaluates a model from its file, as `plan_comparison` says at `$.plan.comparison`.

    The code is that of the package that waits, which nobody has approved: its role reads models, data sets
    and code, writes comparisons, and can do nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        key: kms.IKey,
        job_prefixes: Sequence[str],
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._job_prefixes = job_prefixes
        self._tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.role = SageMakerRole(self, "Role", runs=("ProcessingJobs",), images="pytorch-inference")
        reads = ("runs/*/test", "runs/*/dataset", "runs/*/model.tar.gz", "code/")
        read_objects(self.role, artifacts, key, *reads)
        write_objects(self.role, artifacts, key, "releases/*/comparison/")
        self.state = sfn.CustomState(self, "Evaluate prod's model", state_json=self._task(key))
        self.state.add_retry(
            errors=list(_PASSES), interval=cdk.Duration.seconds(30), backoff_rate=2, max_attempts=5
        )

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

    def _task(self, key: kms.IKey) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
            "Parameters": self._job(key),
            "ResultSelector": {"job.$": "$.ProcessingJobArn"},
            "ResultPath": "$.compared",
            "TimeoutSeconds": _SECONDS + 900,
        }

    def _job(self, key: kms.IKey) -> dict[str, Any]:
        module = "pipeline_defs.detection.scripts.evaluate"
        arguments = {"model-dir": "model", "test": "test_set", "dataset": "dataset"}
        resources = {"InstanceCount": 1, "InstanceType.$": f"{_AT}.instance", "VolumeSizeInGB": 30}
        return {
            "ProcessingJobName.$": f"{_AT}.job",
            "RoleArn": self.role.role_arn,
            "Tags": self._tags,
            "AppSpecification": {
                "ImageUri.$": f"{_AT}.image",
                "ContainerEntrypoint": ["/bin/sh", f"{_INPUT}/code/pipeline_defs/run_job.sh", module],
                "ContainerArguments": [
                    *(f"--{name}={_INPUT}/{folder}" for name, folder in arguments.items()),
                    f"--output-dir={_OUTPUT}",
                ],
            },
            "Environment": {"AWS_DEFAULT_REGION": cdk.Stack.of(self).region},
            "ProcessingInputs": [_input(name) for name in _INPUTS],
            "ProcessingOutputConfig": {"KmsKeyId": key.key_arn, "Outputs": [_output()]},
            "ProcessingResources": {"ClusterConfig": resources},
            "StoppingCondition": {"MaxRuntimeInSeconds": _SECONDS},
        }


def _input(name: str) -> dict[str, Any]:
    source = {"S3Uri.$": f"{_AT}.{name}", "LocalPath": f"{_INPUT}/{name}"}
    return {"InputName": name, "S3Input": {**source, "S3DataType": "S3Prefix", "S3InputMode": "File"}}


def _output() -> dict[str, Any]:
    target = {"S3Uri.$": f"{_AT}.results", "LocalPath": _OUTPUT, "S3UploadMode": "EndOfJob"}
    return {"OutputName": "results", "S3Output": target}
