"""Where the code comes from, and what of a push starts the pipeline: one of three kinds."""

import json

import aws_cdk as cdk
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import pipelines
from constructs import Construct

from config_delivery import Delivery
from stacks.constructs.exact_bucket import ExactBucket
from stacks.constructs.on_event import OnEvent
from stacks.constructs.python_function import PythonFunction
from stacks.grants import allow

ACTION = "Source"
ARCHIVE = "source.zip"

# The name that CDK gives the role of an action.
_ACTION_ROLE = "CodePipelineActionRole"


class CodeSource(Construct):
    """What the pipeline checks out in `step`; `revision` is the variable that names what was checked out.

    No kind watches its source by itself: `start_on_change` says what starts the pipeline, so that a push that
    changes nothing but ignored files starts nothing, and no push starts it twice.
    """

    step: pipelines.CodePipelineSource
    revision: str

    def start_on_change(self, pipeline: codepipeline.Pipeline) -> None:
        """Have a push start the pipeline, unless all that it changes is to be ignored."""
        raise NotImplementedError

    def _start_by_function(
        self,
        pipeline: codepipeline.Pipeline,
        *,
        handler: str,
        pattern: events.EventPattern,
        delivery: Delivery,
        description: str,
    ) -> PythonFunction:
        function = PythonFunction(
            self,
            "StartFunction",
            handler=handler,
            environment={"PIPELINE": pipeline.pipeline_name, "IGNORE": json.dumps(delivery.ignore)},
            description=description,
            timeout_seconds=60,
            memory_mb=512,
        )
        allow(function, "codepipeline:StartPipelineExecution", on=[pipeline.pipeline_arn])
        OnEvent(self, "OnChange", pattern=pattern, function=function)
        return function


class Repository(CodeSource):
    """A CodeCommit repository; pushers have the managed policy that the output PusherPolicyArn names."""

    def __init__(
        self, scope: Construct, construct_id: str, *, delivery: Delivery, removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self._delivery = delivery
        self._repository = codecommit.Repository(
            self,
            "Repository",
            repository_name=delivery.repository,
            description="A push to the branch that is delivered deploys it",
        )
        self._repository.apply_removal_policy(removal_policy)
        self.step = pipelines.CodePipelineSource.code_commit(
            self._repository, delivery.branch, action_name=ACTION, trigger=actions.CodeCommitTrigger.NONE
        )
        self.revision = self.step.source_attribute("CommitId")
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "SourceRepository", value=self._repository.repository_name)
        policy = iam.ManagedPolicy(
            self, "PusherPolicy", description="Pushes to the repository, and so deploys"
        )
        allow(policy, "codecommit:GitPull", "codecommit:GitPush", on=[self._repository.repository_arn])
        cdk.CfnOutput(stack, "PusherPolicyArn", value=policy.managed_policy_arn)

    def start_on_change(self, pipeline: codepipeline.Pipeline) -> None:
        """Call a function on each push to the branch; it looks at what the push changed."""
        pattern = events.EventPattern(
            source=["aws.codecommit"],
            detail_type=["CodeCommit Repository State Change"],
            resources=[self._repository.repository_arn],
            detail={
                "event": ["referenceCreated", "referenceUpdated"],
                "referenceType": ["branch"],
                "referenceName": [self._delivery.branch],
            },
        )
        function = self._start_by_function(
            pipeline,
            handler="lambdas.delivery.start_on_push.handler",
            pattern=pattern,
            delivery=self._delivery,
            description="Starts the delivery of a push that changes more than ignored files",
        )
        allow(function, "codecommit:GetDifferences", on=[self._repository.repository_arn])


class Connected(CodeSource):
    """A repository elsewhere, behind a connection that a person has authorised once."""

    def __init__(self, scope: Construct, construct_id: str, *, delivery: Delivery) -> None:
        super().__init__(scope, construct_id)
        self._delivery = delivery
        self.step = pipelines.CodePipelineSource.connection(
            delivery.repository,
            delivery.branch,
            connection_arn=delivery.connection_arn or "",
            action_name=ACTION,
            trigger_on_push=False,
        )
        self.revision = self.step.source_attribute("CommitId")
        cdk.CfnOutput(cdk.Stack.of(self), "SourceRepository", value=delivery.repository)

    def start_on_change(self, pipeline: codepipeline.Pipeline) -> None:
        """Leave it to CodePipeline, whose triggers filter by branch and paths where there is a connection."""
        self._let_use_connection(pipeline)
        pipeline.add_trigger(
            provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
            git_configuration=codepipeline.GitConfiguration(
                source_action=pipeline.stages[0].actions[0],
                push_filter=[
                    codepipeline.GitPushFilter(
                        branches_includes=[self._delivery.branch],
                        file_paths_excludes=list(self._delivery.ignore) or None,
                    )
                ],
            ),
        )

    def _let_use_connection(self, pipeline: codepipeline.Pipeline) -> None:
        # CDK allows the action under the service's old name; AWS asks for the one that the ARN has.
        arn = self._delivery.connection_arn or ""
        role = pipeline.node.find_child("Source").node.find_child(ACTION).node.find_child(_ACTION_ROLE)
        if not isinstance(role, iam.Role):
            raise TypeError(f"{role.node.path} is not the role of the source action")
        if arn.split(":")[2] == "codeconnections":
            allow(role, "codeconnections:UseConnection", on=[arn])


class Upload(CodeSource):
    """A zip of the code, put into a bucket; its versions are what the pipeline checks out."""

    def __init__(
        self, scope: Construct, construct_id: str, *, delivery: Delivery, removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self._delivery = delivery
        self._bucket = ExactBucket(
            self,
            "Bucket",
            because="one object, whose versions say what was put and when",
            versioned=True,
            expire_days=90,
            removal_policy=removal_policy,
        )
        self._send_events()
        self.step = pipelines.CodePipelineSource.s3(
            self._bucket, ARCHIVE, action_name=ACTION, trigger=actions.S3Trigger.NONE
        )
        self.revision = self.step.source_attribute("VersionId")
        stack = cdk.Stack.of(self)
        cdk.CfnOutput(stack, "SourceBucket", value=self._bucket.bucket_name)
        policy = iam.ManagedPolicy(self, "PusherPolicy", description="Puts the code, and so deploys")
        allow(policy, "s3:PutObject", on=[self._bucket.arn_for_objects(ARCHIVE)])
        cdk.CfnOutput(stack, "PusherPolicyArn", value=policy.managed_policy_arn)

    def _send_events(self) -> None:
        # CDK's own switch for it is a function in the stack that sets what CloudFormation can set itself.
        bucket = self._bucket.node.default_child
        assert isinstance(bucket, s3.CfnBucket)  # noqa: S101 - narrows the type
        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                event_bridge_enabled=True
            )
        )

    def start_on_change(self, pipeline: codepipeline.Pipeline) -> None:
        """Call a function on each upload; it compares the archive with the one before."""
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={"bucket": {"name": [self._bucket.bucket_name]}, "object": {"key": [ARCHIVE]}},
        )
        function = self._start_by_function(
            pipeline,
            handler="lambdas.delivery.start_on_upload.handler",
            pattern=pattern,
            delivery=self._delivery,
            description="Starts the delivery of an upload that changes more than ignored files",
        )
        allow(function, "s3:GetObjectVersion", on=[self._bucket.arn_for_objects(ARCHIVE)])
        allow(function, "s3:ListBucketVersions", on=[self._bucket.bucket_arn])
