"""What starts a training by itself once enough is new to train on: events are noted, a clock counts them."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from config_classification import ClassificationModel
from config_model import Model
from stacks.acknowledgements import acknowledge
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.runs_api import grant_look
from stacks.grants import allow, read_objects, use_table_key

_EVERY = cdk.Duration.minutes(5)
_NOTE_SECONDS = 120
_BATCH = 100
_AT_ONCE = 4  # batches; together they write less than one partition of the table takes


class NewDataWatch(Construct):
    """Events of uploads and of labels, through a queue, into the table; `workflows` are what it may start.

    An event that failed five times is kept for 14 days in `dead_letters`: so much less is counted.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        counted: Sequence[Model],
        models: str,
        workflows: list[str],
        pipelines: list[str],
        table: dynamodb.Table,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._models, self._table, self._key = models, table, key
        self.dead_letters = self._queue("DeadLetters", retention_period=cdk.Duration.days(14))
        acknowledge(self.dead_letters, "AwsSolutions-SQS3", "this queue is the dead letter queue")
        self.queue = self._queue(
            "Events",
            visibility_timeout=cdk.Duration.seconds(6 * _NOTE_SECONDS),
            retention_period=cdk.Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )
        pictures = sorted({model.data for model in counted if isinstance(model, ClassificationModel)})
        labels = [f"labels/{model.name}/" for model in counted if model.task == "detection"]
        self._listen("Pictures", images, pictures)
        self._listen("Labels", artifacts, labels)
        self._note(artifacts, labels)
        self._count(workflows, pipelines)

    def _queue(self, construct_id: str, **properties: object) -> sqs.Queue:
        encryption = sqs.QueueEncryption.SQS_MANAGED
        return sqs.Queue(self, construct_id, encryption=encryption, enforce_ssl=True, **properties)  # type: ignore[arg-type]

    def _listen(self, construct_id: str, bucket: s3.IBucket, prefixes: Sequence[str]) -> None:
        """Take in the events of what is put under these prefixes of a bucket."""
        if not prefixes:
            return
        pattern = events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [bucket.bucket_name]},
                "object": {"key": [{"prefix": prefix} for prefix in prefixes]},
            },
        )
        rule = events.Rule(self, construct_id, event_pattern=pattern)
        rule.add_target(targets.SqsQueue(self.queue))

    def _note(self, artifacts: s3.IBucket, labels: Sequence[str]) -> None:
        environment = {"ARTIFACTS_BUCKET": artifacts.bucket_name}
        function = self._function("NoteNewData", "note_new_data", environment, _NOTE_SECONDS)
        allow(function, "dynamodb:BatchWriteItem", on=[self._table.table_arn])
        if labels:
            read_objects(function, artifacts, self._key, *labels)
        function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=_BATCH,
                max_batching_window=cdk.Duration.seconds(5),
                max_concurrency=_AT_ONCE,
                report_batch_item_failures=True,
            )
        )

    def _count(self, workflows: list[str], pipelines: list[str]) -> None:
        function = self._function("TrainAtThreshold", "train_at_threshold", {}, 240)
        allow(function, "dynamodb:Query", on=[self._table.table_arn])
        grant_look(function, workflows=workflows)
        allow(function, "codepipeline:StartPipelineExecution", on=workflows)
        allow(function, "sagemaker:ListPipelineExecutions", on=pipelines)
        rule = events.Rule(
            self,
            "Clock",
            schedule=events.Schedule.rate(_EVERY),
            description="Starts the training of models that have enough new data",
        )
        rule.add_target(targets.LambdaFunction(function))

    def _function(
        self, construct_id: str, module: str, environment: dict[str, str], seconds: int
    ) -> PythonFunction:
        function = PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.training.{module}.handler",
            environment={"MODELS": self._models, "TABLE": self._table.table_name, **environment},
            timeout_seconds=seconds,
            memory_mb=512,
        )
        use_table_key(function, self._key)
        return function
