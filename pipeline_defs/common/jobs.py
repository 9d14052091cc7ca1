"""What the pipelines of both tasks are made of: their jobs, where those read and write, and the package."""

from collections.abc import Mapping
from typing import Any

from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
    Tag,
)
from sagemaker.core.training.configs import Compute
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer

from pipeline_defs.common.containers import inference_image, training_image
from pipeline_defs.common.session import describing_session
from pipeline_defs.common.settings import Settings
from pipeline_defs.common.sources import ARCHIVE

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE = f"{INPUT}/code"
HOUR = 3600


class PipelineJobs:
    """The jobs of one model's pipeline; `code` is the prefix of its sources in the artifacts bucket.

    `task` is the package of their scripts. Each execution writes under a folder of its own.
    """

    def __init__(self, settings: Settings, code: str, *, task: str) -> None:
        self._settings, self._model, self._task = settings, settings.model, task
        self.session = describing_session(settings.region, settings.artifacts_bucket)
        self.code = f"s3://{settings.artifacts_bucket}/{code}"

    @property
    def tags(self) -> list[dict[str, str]] | None:
        """What the cost of a job is counted by."""
        return [{"Key": key, "Value": value} for key, value in self._model.tags.items()] or None

    def processor(self, script: str, *, hours: int, gigabytes: int = 30) -> Processor:
        """Describe a processing job that runs a script of the task."""
        return Processor(
            role=self._settings.job_role_arn,
            image_uri=training_image(self._settings.region, self._model.job_instance),
            instance_type=self._model.job_instance,
            instance_count=1,
            entrypoint=[
                "/bin/sh",
                f"{CODE}/pipeline_defs/run_job.sh",
                f"pipeline_defs.{self._task}.scripts.{script}",
            ],
            volume_size_in_gb=gigabytes,
            output_kms_key=self._settings.kms_key_arn,
            max_runtime_in_seconds=hours * HOUR,
            base_job_name=self._model.pipeline_name,
            sagemaker_session=self.session,
            env={"AWS_DEFAULT_REGION": self._settings.region},
            tags=self.tags,
        )

    def trainer(
        self,
        hyperparameters: Mapping[str, object],
        *,
        output: Join,
        hours: int,
        gigabytes: int = 50,
        spot: bool = False,
        **more: Any,
    ) -> ModelTrainer:
        """Describe a training job that runs the task's `train.py` and leaves its model under `output`."""
        waits = {"max_wait_time_in_seconds": 2 * hours * HOUR} if spot else {}
        return ModelTrainer(
            training_image=training_image(self._settings.region, self._model.train_instance),
            role=self._settings.job_role_arn,
            sagemaker_session=self.session,
            base_job_name=self._model.pipeline_name,
            tags=[Tag(key=key, value=value) for key, value in self._model.tags.items()] or None,
            compute=Compute(
                instance_type=self._model.train_instance,
                instance_count=1,
                volume_size_in_gb=gigabytes,
                enable_managed_spot_training=True if spot else None,
            ),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=hours * HOUR, **waits),
            output_data_config=OutputDataConfig(s3_output_path=output, kms_key_id=self._settings.kms_key_arn),
            hyperparameters={
                "sagemaker_program": f"pipeline_defs/{self._task}/scripts/train.py",
                "sagemaker_submit_directory": f"{self.code}{ARCHIVE}",
                **hyperparameters,
            },
            **more,
        )

    def provenance(
        self, data: ProcessingStep, sides: ProcessingStep, evaluate: ProcessingStep, **parameters: object
    ) -> dict[str, object]:
        """What a package says that it came from: the step of its data set, that of the test side, and so on.

        `parameters` are those of the execution that decide what a training comes to.
        """
        return {
            "dataset": uri_of(data, "dataset"),
            "dataset_manifest": file_of(data, "dataset", "manifest.json"),
            "test_set": uri_of(sides, "test"),
            "evaluation": file_of(evaluate, "evaluation", "evaluation.json"),
            "code": self.code,
            **parameters,
        }

    def register(self, train: TrainingStep, properties: Mapping[str, object]) -> ModelStep:
        """Describe the package: it waits for a person, with its evaluation and what it came from."""
        builder = ModelBuilder(
            image_uri=inference_image(self._settings.region),
            s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
            role_arn=self._settings.job_role_arn,
            sagemaker_session=self.session,
            env_vars={
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        )
        step_args = builder.register(
            model_package_group_name=self._model.model_package_group,
            content_types=["image/jpeg", "image/png", "application/x-image"],
            response_types=["application/json"],
            inference_instances=list(self._model.inference_instances),
            transform_instances=list(self._model.inference_instances),
            approval_status="PendingManualApproval",
            model_metrics=ModelMetrics(
                model_statistics=MetricsSource(
                    s3_uri=properties["evaluation"], content_type="application/json"
                )
            ),
            customer_metadata_properties={**properties},
        )
        return ModelStep("RegisterModel", step_args=step_args)

    def code_input(self) -> ProcessingInput:
        """The sources, which every processing job runs."""
        return read("code", self.code)

    def output(self, name: str, *, passing: bool = False) -> ProcessingOutput:
        """A folder that a processing job leaves in the execution's own."""
        target = ProcessingS3Output(
            s3_uri=self.passing(name) if passing else self.run(name),
            local_path=f"{OUTPUT}/{name}",
            s3_upload_mode="EndOfJob",
        )
        return ProcessingOutput(output_name=name, s3_output=target)

    def run(self, name: str) -> Join:
        """Where an execution keeps something."""
        return self._of_execution("runs", name)

    def passing(self, name: str) -> Join:
        """Where it keeps what is of no use once it has ended: the bucket forgets it after some days."""
        return self._of_execution("passing", name)

    def _of_execution(self, prefix: str, name: str) -> Join:
        place = f"s3://{self._settings.artifacts_bucket}/{prefix}/{self._model.name}"
        return Join(on="/", values=[place, ExecutionVariables.PIPELINE_EXECUTION_ID, name])


def read(name: str, uri: object) -> ProcessingInput:
    """What a processing job finds under `INPUT/<name>`."""
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{INPUT}/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def uri_of(step: ProcessingStep, output: str) -> object:
    """Where an output of a processing step lies, known when the step has run."""
    return step.properties.ProcessingOutputConfig.Outputs[output].S3Output.S3Uri


def file_of(step: ProcessingStep, output: str, name: str) -> Join:
    """Where a file of an output lies."""
    return Join(on="/", values=[uri_of(step, output), name])


def arguments_of(values: Mapping[str, object]) -> list[object]:
    """Give a script's options; one argument each, since an empty one of its own might get lost on its way."""
    return [_argument(name, value) for name, value in values.items()]


def retries() -> list[StepRetryPolicy | SageMakerJobStepRetryPolicy]:
    """What passes by itself is tried again; a job that fails by its own fault is not."""
    return [
        StepRetryPolicy(
            exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
            interval_seconds=10,
            backoff_rate=2.0,
            max_attempts=3,
        ),
        SageMakerJobStepRetryPolicy(
            exception_types=[
                SageMakerJobExceptionTypeEnum.CAPACITY_ERROR,
                SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT,
            ],
            interval_seconds=60,
            backoff_rate=2.0,
            max_attempts=5,
        ),
    ]


def _argument(name: str, value: object) -> object:
    if isinstance(value, str):
        return f"--{name}={value}"
    return Join(on="=", values=[f"--{name}", value])
