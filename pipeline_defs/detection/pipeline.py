"""The detection pipeline: dataset, training, evaluation, and a package that waits for a person's approval."""

from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    MetricDefinition,
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
    Tag,
)
from sagemaker.core.training.configs import Compute, InputData
from sagemaker.core.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThanOrEqualTo,
    ConditionLessThan,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
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

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_SPLITS = ("train", "validation", "test")
_VISIBLE_TIMEOUT_SECONDS = 1500  # the offline store lags by up to 15 minutes
_HOUR = 3600
_YES = "yes"


def get_pipeline(settings: Settings, code: str) -> Pipeline:
    """Describe the pipeline of one model; `code` is the prefix of its sources in the artifacts bucket."""
    return _DetectionPipeline(settings, code).pipeline()


class _DetectionPipeline:
    """The steps in their order, each made of the ones before."""

    def __init__(self, settings: Settings, code: str) -> None:
        self._settings, self._model = settings, settings.model
        self._detector = settings.model.as_detector
        self._session = describing_session(settings.region, settings.artifacts_bucket)
        self._code = f"s3://{settings.artifacts_bucket}/{code}"
        self._labels_manifest = ParameterString("LabelsManifest", default_value="")
        self._as_of = ParameterString("AsOf")
        self._dataset_manifest = ParameterString("DatasetManifest", default_value="")
        self._register_model = ParameterString("Register", default_value=_YES, enum_values=[_YES, "no"])
        self._threshold = ParameterFloat("Map50Threshold", default_value=self._detector.map50_threshold)
        self._seed = ParameterInteger("Seed", default_value=7)
        self._git_commit = ParameterString("GitCommit", default_value="unknown")

    def pipeline(self) -> Pipeline:
        """Put the steps together."""
        prepare = self._prepare()
        train = self._train(prepare)
        report = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
        evaluate = self._evaluate(prepare, train, report)
        measured = JsonGet(step_name=evaluate.name, property_file=report, json_path="map50")
        # A model that is only rebuilt, to compare it, is no candidate for a release. Two steps, since none
        # may stand inside of another.
        for_release = ConditionEquals(left=self._register_model, right=_YES)
        check = ConditionStep(
            "CheckMap50",
            conditions=[for_release, ConditionGreaterThanOrEqualTo(left=measured, right=self._threshold)],
            if_steps=[self._register(prepare, train, evaluate)],
            else_steps=[],
        )
        refuse = ConditionStep(
            "RefuseLowMap50",
            conditions=[for_release, ConditionLessThan(left=measured, right=self._threshold)],
            if_steps=[self._too_low(evaluate)],
            else_steps=[],
        )
        return Pipeline(
            name=self._model.pipeline_name,
            parameters=[
                self._labels_manifest,
                self._as_of,
                self._dataset_manifest,
                self._threshold,
                self._seed,
                self._git_commit,
                self._register_model,
            ],
            steps=[prepare, train, evaluate, check, refuse],
            # Experiments would need more rights, and say what the model package says already.
            pipeline_experiment_config=None,
            sagemaker_session=self._session,
        )

    def _prepare(self) -> ProcessingStep:
        settings = self._settings
        arguments = {
            "model": self._model.name,
            "classes": ",".join(self._model.classes),
            "feature-group": settings.feature_group,
            "workgroup": settings.athena_workgroup,
            "artifacts-bucket": settings.artifacts_bucket,
            "as-of": self._as_of,
            "labels-manifest": self._labels_manifest,
            "dataset-manifest": self._dataset_manifest,
            "group-rule": self._detector.group_rule,
            "seed": self._seed.to_string(),
            "visible-timeout-seconds": str(_VISIBLE_TIMEOUT_SECONDS),
            "output-dir": _OUTPUT,
        }
        step_args = self._processor("prepare", hours=2).run(
            inputs=[self._input("code", self._code)],
            outputs=[self._output(name) for name in ("dataset", *_SPLITS)],
            # One argument each, since an empty one of its own might get lost on its way.
            arguments=[_argument(name, value) for name, value in arguments.items()],
        )
        return ProcessingStep("PrepareDataset", step_args=step_args, retry_policies=_retries())

    def _train(self, prepare: ProcessingStep) -> TrainingStep:
        trainer = ModelTrainer(
            training_image=training_image(self._settings.region, self._model.train_instance),
            role=self._settings.job_role_arn,
            sagemaker_session=self._session,
            base_job_name=self._model.pipeline_name,
            tags=[Tag(key=key, value=value) for key, value in self._model.tags.items()] or None,
            compute=Compute(instance_type=self._model.train_instance, instance_count=1, volume_size_in_gb=50),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=6 * _HOUR),
            output_data_config=OutputDataConfig(
                s3_output_path=self._run("model"), kms_key_id=self._settings.kms_key_arn
            ),
            hyperparameters={
                "sagemaker_program": "pipeline_defs/detection/scripts/train.py",
                "sagemaker_submit_directory": f"{self._code}{ARCHIVE}",
                "seed": self._seed.to_string(),
                "steps": str(self._detector.train_steps),
            },
        ).with_metric_definitions(
            [
                MetricDefinition(name=f"validation:{name}", regex=f"validation:{name}=([0-9.]+);")
                for name in ("map50", "map50_95")
            ]
        )
        channels = [
            InputData(channel_name=split, data_source=_uri(prepare, split))
            for split in ("train", "validation")
        ]
        return TrainingStep(
            "TrainDetector", step_args=trainer.train(input_data_config=channels), retry_policies=_retries()
        )

    def _evaluate(self, prepare: ProcessingStep, train: TrainingStep, report: PropertyFile) -> ProcessingStep:
        step_args = self._processor("evaluate", hours=1).run(
            inputs=[
                self._input("code", self._code),
                self._input("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                self._input("test", _uri(prepare, "test")),
                self._input("dataset", _uri(prepare, "dataset")),
            ],
            outputs=[self._output("evaluation")],
            arguments=[
                f"--model-dir={_INPUT}/model",
                f"--test={_INPUT}/test",
                f"--dataset={_INPUT}/dataset",
                f"--output-dir={_OUTPUT}/evaluation",
            ],
        )
        return ProcessingStep(
            "EvaluateModel", step_args=step_args, property_files=[report], retry_policies=_retries()
        )

    def _register(self, prepare: ProcessingStep, train: TrainingStep, evaluate: ProcessingStep) -> ModelStep:
        evaluation = _file(evaluate, "evaluation", "evaluation.json")
        builder = ModelBuilder(
            image_uri=inference_image(self._settings.region),
            s3_model_data_url=train.properties.ModelArtifacts.S3ModelArtifacts,
            role_arn=self._settings.job_role_arn,
            sagemaker_session=self._session,
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
                model_statistics=MetricsSource(s3_uri=evaluation, content_type="application/json")
            ),
            customer_metadata_properties={
                "model": self._model.name,
                "dataset": _uri(prepare, "dataset"),
                "dataset_manifest": _file(prepare, "dataset", "manifest.json"),
                "test_set": _uri(prepare, "test"),
                "evaluation": evaluation,
                "code": self._code,
                "git_commit": self._git_commit,
                "seed": self._seed.to_string(),
            },
        )
        return ModelStep("RegisterModel", step_args=step_args)

    def _too_low(self, evaluate: ProcessingStep) -> FailStep:
        message = Join(
            on=" ",
            values=[
                "Nothing is registered: map50 in",
                _file(evaluate, "evaluation", "evaluation.json"),
                "is below the parameter Map50Threshold, which is",
                self._threshold,
            ],
        )
        return FailStep("MetricTooLow", error_message=message)

    def _processor(self, script: str, *, hours: int) -> Processor:
        return Processor(
            role=self._settings.job_role_arn,
            image_uri=training_image(self._settings.region, self._model.job_instance),
            instance_type=self._model.job_instance,
            instance_count=1,
            entrypoint=[
                "/bin/sh",
                f"{_INPUT}/code/pipeline_defs/run_job.sh",
                f"pipeline_defs.detection.scripts.{script}",
            ],
            output_kms_key=self._settings.kms_key_arn,
            max_runtime_in_seconds=hours * _HOUR,
            base_job_name=self._model.pipeline_name,
            sagemaker_session=self._session,
            env={"AWS_DEFAULT_REGION": self._settings.region},
            tags=[{"Key": key, "Value": value} for key, value in self._model.tags.items()] or None,
        )

    def _input(self, name: str, uri: object) -> ProcessingInput:
        source = ProcessingS3Input(
            s3_uri=uri, local_path=f"{_INPUT}/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
        )
        return ProcessingInput(input_name=name, s3_input=source)

    def _output(self, name: str) -> ProcessingOutput:
        target = ProcessingS3Output(
            s3_uri=self._run(name), local_path=f"{_OUTPUT}/{name}", s3_upload_mode="EndOfJob"
        )
        return ProcessingOutput(output_name=name, s3_output=target)

    def _run(self, name: str) -> Join:
        runs = f"s3://{self._settings.artifacts_bucket}/runs/{self._model.name}"
        return Join(on="/", values=[runs, ExecutionVariables.PIPELINE_EXECUTION_ID, name])


def _uri(step: ProcessingStep, output: str) -> object:
    """Where an output of a processing step lies, known when the step has run."""
    return step.properties.ProcessingOutputConfig.Outputs[output].S3Output.S3Uri


def _argument(name: str, value: object) -> object:
    if isinstance(value, str):
        return f"--{name}={value}"
    return Join(on="=", values=[f"--{name}", value])


def _file(step: ProcessingStep, output: str, name: str) -> Join:
    return Join(on="/", values=[_uri(step, output), name])


def _retries() -> list[StepRetryPolicy | SageMakerJobStepRetryPolicy]:
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
