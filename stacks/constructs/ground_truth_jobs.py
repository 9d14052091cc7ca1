"""Labeling jobs of SageMaker Ground Truth: the role in which they run, what prepares and reads them."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from config_labeling import GroundTruth
from stacks.constructs.drawing_guide import EXAMPLES
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow, allow_everywhere, pass_role, read_objects, write_objects

_FOLDER = "labeling/"
_JOBS = "jobs are named after the execution and its rounds"
_LOG_ACTIONS = ("CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "PutLogEvents")


class GroundTruthJobs(Construct):
    """`prepare` writes a job's files and request, `collect` reads what came of it; `arn` names all jobs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        teams: GroundTruth,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._teams = teams
        self.role = self._role(images, artifacts, key)
        self.arn = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="labeling-job", resource_name=f"{config.name}-*"
        )
        named = {"ARTIFACTS_BUCKET": artifacts.bucket_name, "JOB_PREFIX": config.name}
        self.prepare = self._function(
            "PrepareLabelingJob",
            "prepare_labeling_job",
            {
                **named,
                "IMAGES_BUCKET": images.bucket_name,
                "JOB_ROLE_ARN": self.role.role_arn,
                "KEY_ARN": key.key_arn,
                "WORKTEAM_ARN": teams.workteam_arn,
                "VERIFICATION_WORKTEAM_ARN": teams.verification_workteam_arn,
                "ANNOTATORS": str(config.labeling.annotators),
                "ROUND_TIMEOUT_HOURS": str(config.labeling.round_timeout_hours),
            },
        )
        self.collect = self._function(
            "CollectLabelingJobs",
            "collect_labeling_jobs",
            {**named, "MAX_ROUNDS": str(config.labeling.max_rounds)},
        )
        read_objects(self.prepare, images, key, EXAMPLES)
        for function in (self.prepare, self.collect):
            read_objects(function, artifacts, key, _FOLDER)
            write_objects(function, artifacts, key, _FOLDER)
        allow(self.collect, "sagemaker:DescribeLabelingJob", on=[self.arn], because=_JOBS)

    def grant_run(self, machine_role: iam.IRole) -> None:
        """Let a state machine make the jobs, for these workteams only, wait for them and stop them."""
        teams = sorted({self._teams.workteam_arn, self._teams.verification_workteam_arn})
        allow(
            machine_role,
            "sagemaker:CreateLabelingJob",
            on=[self.arn],
            because=_JOBS,
            conditions={"ArnEquals": {"sagemaker:WorkteamArn": teams}},
        )
        others = ("DescribeLabelingJob", "StopLabelingJob", "AddTags")
        allow(machine_role, *(f"sagemaker:{action}" for action in others), on=[self.arn], because=_JOBS)
        pass_role(machine_role, self.role, "sagemaker.amazonaws.com")
        rule = cdk.Stack.of(self).format_arn(
            service="events",
            resource="rule",
            resource_name="StepFunctionsGetEventsForSageMakerLabelingJobsRule",
        )
        allow(machine_role, "events:PutTargets", "events:PutRule", "events:DescribeRule", on=[rule])

    def _role(self, images: s3.IBucket, artifacts: s3.IBucket, key: kms.IKey) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        read_objects(role, images, key, "images/")
        read_objects(role, artifacts, key, _FOLDER)
        write_objects(role, artifacts, key, _FOLDER)
        allow(role, "s3:GetBucketLocation", on=[images.bucket_arn, artifacts.bucket_arn])
        groups = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/LabelingJobs*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            role,
            *(f"logs:{action}" for action in _LOG_ACTIONS),
            on=[groups],
            because="SageMaker makes the log groups and their streams",
        )
        namespaces = {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/LabelingJobs*"]}}
        allow_everywhere(role, "cloudwatch:PutMetricData", conditions=namespaces)
        return role

    def _function(self, construct_id: str, module: str, environment: dict[str, str]) -> PythonFunction:
        return PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.labeling.{module}.handler",
            environment=environment,
            timeout_seconds=900,
            memory_mb=1024,
        )
