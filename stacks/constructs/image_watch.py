"""How the ledger learns of images: by the events of their bucket, and once a day by comparing both."""

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from config_model import DetectionModel
from stacks.acknowledgements import acknowledge
from stacks.constructs.labeling_table import grant_table
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import retry_what_passes
from stacks.constructs.workflow import Workflow
from stacks.grants import read_objects

_EVERY = cdk.Duration.days(1)
_NOTICE_SECONDS = 60
_BATCH = 100
_AT_ONCE = 4  # batches; together they write less than one partition of the index takes


class ImageWatch(Construct):
    """Events of the images bucket, through a queue, to `notice_images`; `reconciliation` is a state machine.

    An event that failed five times is kept for 14 days in `dead_letters`; what it told of is found by the
    next reconciliation all the same.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        models: Sequence[DetectionModel],
        table: dynamodb.Table,
        images: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._table, self._images, self._key = table, images, key
        self.dead_letters = self._queue("DeadLetters", retention_period=cdk.Duration.days(14))
        acknowledge(self.dead_letters, "AwsSolutions-SQS3", "this queue is the dead letter queue")
        self.queue = self._queue(
            "Events",
            visibility_timeout=cdk.Duration.seconds(6 * _NOTICE_SECONDS),
            retention_period=cdk.Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )
        self._notice()
        self.reconciliation = self._reconciliation({model.name: model.classes for model in models})
        self._schedule(models)
        arn = self.reconciliation.state_machine_arn
        cdk.CfnOutput(cdk.Stack.of(self), "ReconciliationArn", value=arn)

    def _queue(self, construct_id: str, **properties: object) -> sqs.Queue:
        encryption = sqs.QueueEncryption.SQS_MANAGED
        return sqs.Queue(self, construct_id, encryption=encryption, enforce_ssl=True, **properties)  # type: ignore[arg-type]

    def _notice(self) -> None:
        function = self._function("NoticeImages", "notice_images", {}, _NOTICE_SECONDS, memory_mb=512)
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created", "Object Deleted"],
            detail={
                "bucket": {"name": [self._images.bucket_name]},
                "object": {"key": [{"prefix": "images/"}]},
            },
        )
        rule = events.Rule(self, "Rule", event_pattern=pattern)
        rule.add_target(targets.SqsQueue(self.queue))
        function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=_BATCH,
                max_batching_window=cdk.Duration.seconds(1),
                max_concurrency=_AT_ONCE,
                report_batch_item_failures=True,
            )
        )

    def _reconciliation(self, classes: dict[str, tuple[str, ...]]) -> Workflow:
        function = self._function(
            "ReconcileImages",
            "reconcile_images",
            {"MODEL_CLASSES": json.dumps(classes)},
            15 * 60,
            memory_mb=1769,  # one whole processor
        )
        state = tasks.LambdaInvoke(
            self,
            "Compare the bucket with the ledger",
            lambda_function=function,
            payload=sfn.TaskInput.from_object(
                {
                    "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
                    "model": sfn.JsonPath.string_at("$.model"),
                }
            ),
            payload_response_only=True,
            retry_on_service_exceptions=False,
            task_timeout=sfn.Timeout.duration(cdk.Duration.minutes(16)),
        )
        state.add_retry(
            errors=["OutOfTime"], interval=cdk.Duration.seconds(1), backoff_rate=1, max_attempts=90
        )
        retry_what_passes(state, max_attempts=8)
        return Workflow(
            self, "Reconciliation", start=state, timeout=cdk.Duration.hours(23), functions=[function]
        )

    def _function(
        self, construct_id: str, module: str, environment: dict[str, str], seconds: int, *, memory_mb: int
    ) -> PythonFunction:
        function = PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.labeling.{module}.handler",
            environment={
                "TABLE": self._table.table_name,
                "IMAGES_BUCKET": self._images.bucket_name,
                **environment,
            },
            timeout_seconds=seconds,
            memory_mb=memory_mb,
        )
        grant_table(self._table, self._key, function)
        read_objects(function, self._images, self._key, "images/")
        return function

    def _schedule(self, models: Sequence[DetectionModel]) -> None:
        role = iam.Role(self, "ScheduleRole", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        for model in models:  # a rule has at most five targets
            rule = events.Rule(
                self,
                f"Daily{model.output_suffix}",
                description=f"Compares the images of {model.name} with the ledger",
                schedule=events.Schedule.rate(_EVERY),
            )
            given = events.RuleTargetInput.from_object({"model": model.name})
            rule.add_target(targets.SfnStateMachine(self.reconciliation, input=given, role=role))
