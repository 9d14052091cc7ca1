"""The detection pipeline: dataset, training, evaluation, and a package that waits for a person's approval."""

from sagemaker.core.shapes import MetricDefinition
from sagemaker.core.training.configs import InputData
from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep

from pipeline_defs.common.gate import Gate
from pipeline_defs.common.jobs import INPUT, OUTPUT, PipelineJobs, arguments_of, read, retries, uri_of
from pipeline_defs.common.settings import Settings

_SPLITS = ("train", "validation", "test")
_VISIBLE_TIMEOUT_SECONDS = 1500  # the offline store lags by up to 15 minutes


def get_pipeline(settings: Settings, code: str) -> Pipeline:
    """Describe the pipeline of one model; `code` is the prefix of its sources in the artifacts bucket."""
    return _DetectionPipeline(settings, code).pipeline()


class _DetectionPipeline:
    """The steps in their order, each made of the ones before."""

    def __init__(self, settings: Settings, code: str) -> None:
        self._settings, self._model = settings, settings.model
        self._detector = settings.model.as_detector
        self._jobs = PipelineJobs(settings, code, task="detection")
        self._labels_manifest = ParameterString("LabelsManifest", default_value="")
        self._as_of = ParameterString("AsOf")
        self._dataset_manifest = ParameterString("DatasetManifest", default_value="")
        self._gate = Gate("map50", least=self._detector.map50_threshold)
        self._seed = ParameterInteger("Seed", default_value=7)
        self._git_commit = ParameterString("GitCommit", default_value="unknown")

    def pipeline(self) -> Pipeline:
        """Put the steps together."""
        prepare = self._prepare()
        train = self._train(prepare)
        report = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
        evaluate = self._evaluate(prepare, train, report)
        gates = self._gate.steps(evaluate, report, self._register(prepare, train, evaluate))
        return Pipeline(
            name=self._model.pipeline_name,
            parameters=[
                self._labels_manifest,
                self._as_of,
                self._dataset_manifest,
                self._gate.threshold,
                self._seed,
                self._git_commit,
                self._gate.register,
            ],
            steps=[prepare, train, evaluate, *gates],
            # Experiments would need more rights, and say what the model package says already.
            pipeline_experiment_config=None,
            sagemaker_session=self._jobs.session,
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
            "output-dir": OUTPUT,
        }
        step_args = self._jobs.processor("prepare", hours=2).run(
            inputs=[self._jobs.code_input()],
            outputs=[self._jobs.output(name) for name in ("dataset", *_SPLITS)],
            arguments=arguments_of(arguments),
        )
        return ProcessingStep("PrepareDataset", step_args=step_args, retry_policies=retries())

    def _train(self, prepare: ProcessingStep) -> TrainingStep:
        hyperparameters = {"seed": self._seed.to_string(), "steps": str(self._detector.train_steps)}
        trainer = self._jobs.trainer(
            hyperparameters, output=self._jobs.run("model"), hours=6
        ).with_metric_definitions(
            [
                MetricDefinition(name=f"validation:{name}", regex=f"validation:{name}=([0-9.]+);")
                for name in ("map50", "map50_95")
            ]
        )
        channels = [
            InputData(channel_name=split, data_source=uri_of(prepare, split))
            for split in ("train", "validation")
        ]
        return TrainingStep(
            "TrainDetector", step_args=trainer.train(input_data_config=channels), retry_policies=retries()
        )

    def _evaluate(self, prepare: ProcessingStep, train: TrainingStep, report: PropertyFile) -> ProcessingStep:
        step_args = self._jobs.processor("evaluate", hours=1).run(
            inputs=[
                self._jobs.code_input(),
                read("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                read("test", uri_of(prepare, "test")),
                read("dataset", uri_of(prepare, "dataset")),
            ],
            outputs=[self._jobs.output("evaluation")],
            arguments=[
                f"--model-dir={INPUT}/model",
                f"--test={INPUT}/test",
                f"--dataset={INPUT}/dataset",
                f"--output-dir={OUTPUT}/evaluation",
            ],
        )
        return ProcessingStep(
            "EvaluateModel", step_args=step_args, property_files=[report], retry_policies=retries()
        )

    def _register(self, prepare: ProcessingStep, train: TrainingStep, evaluate: ProcessingStep) -> ModelStep:
        came_from = self._jobs.provenance(
            prepare, prepare, evaluate, git_commit=self._git_commit, seed=self._seed.to_string()
        )
        return self._jobs.register(train, {"model": self._model.name, **came_from})
