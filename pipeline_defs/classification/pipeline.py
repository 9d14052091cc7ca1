"""The classification pipeline: data set, records, tuning, training, evaluation, and a package that waits."""

from sagemaker.core.shapes import CheckpointConfig, MetricDefinition
from sagemaker.core.training.configs import InputData
from sagemaker.core.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, Step, TrainingStep, TuningStep

from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.classification.settings import label_map, settings_file, settings_of
from pipeline_defs.classification.tuning import METRICS, RANGES, tuner_of
from pipeline_defs.common.gate import Gate
from pipeline_defs.common.jobs import (
    CODE,
    INPUT,
    OUTPUT,
    PipelineJobs,
    arguments_of,
    read,
    retries,
    uri_of,
)
from pipeline_defs.common.settings import Settings

_SIDES = ("full", "train", "validation", "test")
_GIGABYTES = 100  # a million pictures of 20 kB, encoded and as records, beside each other
_CHECKPOINTS = "/opt/ml/checkpoints"
# Every picture once more: the sides hold all that is read later, and the manifest makes them again.
_PASSING = ("encoded", "records")


def get_pipeline(settings: Settings, code: str) -> Pipeline:
    """Describe the pipeline of one model; `code` is the prefix of its sources in the artifacts bucket."""
    return _ClassificationPipeline(settings, code).pipeline()


class _ClassificationPipeline:
    """The steps in their order, each made of the ones before."""

    def __init__(self, settings: Settings, code: str) -> None:
        self._settings, self._model = settings, settings.model
        self._classifier = settings_of(settings.model)
        self._jobs = PipelineJobs(settings, code, task="classification")
        self._as_of = ParameterString("AsOf")
        self._seed = ParameterInteger("Seed", default_value=7)
        self._dataset_manifest = ParameterString("DatasetManifest", default_value="")
        self._gate = Gate("top1", least=self._classifier.top1_threshold)
        self._git_commit = ParameterString("GitCommit", default_value="unknown")
        self._children = ParameterString("Children", default_value="")

    def pipeline(self) -> Pipeline:
        """Put the steps together."""
        return Pipeline(
            name=self._model.pipeline_name,
            parameters=[
                self._as_of,
                self._seed,
                self._dataset_manifest,
                self._gate.register,
                self._gate.threshold,
                self._git_commit,
                self._children,
            ],
            steps=self._steps(),
            # Experiments would need more rights, and say what the model package says already.
            pipeline_experiment_config=None,
            sagemaker_session=self._jobs.session,
        )

    def _steps(self) -> list[Step]:
        check = self._check_data()
        encode = self._encode_pictures(check)
        records = self._write_records(check, encode)
        split = self._split_records(check, records)
        tune = self._tune(split)
        train = self._train(split, tune)
        report = PropertyFile(name="Metrics", output_name="evaluation", path="metrics.json")
        evaluate = self._evaluate(check, split, train, report)
        gates = self._gate.steps(evaluate, report, self._register(check, split, train, evaluate))
        return [check, encode, records, split, tune, train, evaluate, *gates]

    def _check_data(self) -> ProcessingStep:
        options = {"as-of": self._as_of, "dataset-manifest": self._dataset_manifest}
        return self._process("CheckData", "check_data", options, inputs={}, outputs=["dataset"], hours=12)

    def _encode_pictures(self, check: ProcessingStep) -> ProcessingStep:
        inputs = {"dataset": uri_of(check, "dataset")}
        return self._process("EncodePictures", "encode_pictures", {}, inputs, outputs=["encoded"], hours=12)

    def _write_records(self, check: ProcessingStep, encode: ProcessingStep) -> ProcessingStep:
        inputs = {"dataset": uri_of(check, "dataset"), "encoded": uri_of(encode, "encoded")}
        return self._process("WriteRecords", "write_records", {}, inputs, outputs=["records"], hours=4)

    def _split_records(self, check: ProcessingStep, records: ProcessingStep) -> ProcessingStep:
        options = {"artifacts-bucket": self._settings.artifacts_bucket, "seed": self._seed.to_string()}
        inputs = {"dataset": uri_of(check, "dataset"), "records": uri_of(records, "records")}
        outputs = [*_SIDES, "split"]
        return self._process("SplitRecords", "split_records", options, inputs, outputs, hours=4)

    def _process(
        self,
        name: str,
        script: str,
        options: dict[str, object],
        inputs: dict[str, object],
        outputs: list[str],
        *,
        hours: int,
        property_files: list[PropertyFile] | None = None,
    ) -> ProcessingStep:
        """Describe a step that runs a script on the outputs of others, each of them an option of its name."""
        step_args = self._jobs.processor(script, hours=hours, gigabytes=_GIGABYTES).run(
            inputs=[self._jobs.code_input(), *(read(folder, uri) for folder, uri in inputs.items())],
            outputs=[self._jobs.output(folder, passing=folder in _PASSING) for folder in outputs],
            arguments=arguments_of(
                {
                    "settings": f"{CODE}/{settings_file(self._model.name)}",
                    **{folder: f"{INPUT}/{folder}" for folder in inputs},
                    **options,
                    "output-dir": OUTPUT,
                }
            ),
        )
        return ProcessingStep(
            name, step_args=step_args, property_files=property_files, retry_policies=retries()
        )

    def _tune(self, split: ProcessingStep) -> TuningStep:
        """Look for parameters on a part of the training side; the validation side says which are best."""
        tuning = self._classifier.tuning
        hyperparameters = {
            "settings": settings_file(self._model.name),
            "seed": self._seed.to_string(),
            "epochs": str(tuning.epochs),
            "share": str(tuning.share),
        }
        trainer = self._jobs.trainer(
            hyperparameters, output=self._jobs.passing("tuning"), hours=12, gigabytes=_GIGABYTES
        )
        tuner = tuner_of(tuning, trainer, seed=self._seed, tags=self._jobs.tags)
        channels = [
            InputData(channel_name=side, data_source=uri_of(split, side)) for side in ("train", "validation")
        ]
        return TuningStep("TuneModel", step_args=tuner.tune(inputs=channels), retry_policies=retries())

    def _train(self, split: ProcessingStep, tune: TuningStep) -> TrainingStep:
        """Train on all that may be trained on; there is nothing left to choose by."""
        best = tune.properties.BestTrainingJob.TunedHyperParameters
        hyperparameters = {
            "settings": settings_file(self._model.name),
            "seed": self._seed.to_string(),
            "epochs": str(self._classifier.epochs),
            **{name: best[name] for name in RANGES},
        }
        trainer = self._jobs.trainer(
            hyperparameters,
            output=self._jobs.run("model"),
            hours=48,
            gigabytes=_GIGABYTES,
            spot=self._classifier.spot,
            checkpoint_config=CheckpointConfig(
                s3_uri=self._jobs.passing("checkpoints"), local_path=_CHECKPOINTS
            ),
        ).with_metric_definitions([MetricDefinition(**METRICS["train:loss"])])
        channels = [InputData(channel_name="train", data_source=uri_of(split, "full"))]
        step_args = trainer.train(input_data_config=channels)
        return TrainingStep("TrainModel", step_args=step_args, retry_policies=retries())

    def _evaluate(
        self, check: ProcessingStep, split: ProcessingStep, train: TrainingStep, report: PropertyFile
    ) -> ProcessingStep:
        step_args = self._jobs.processor("evaluate", hours=4, gigabytes=_GIGABYTES).run(
            inputs=[
                self._jobs.code_input(),
                read("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                read("test", uri_of(split, "test")),
                read("dataset", uri_of(check, "dataset")),
            ],
            outputs=[self._jobs.output("evaluation")],
            arguments=arguments_of(
                {
                    "settings": f"{CODE}/{settings_file(self._model.name)}",
                    "model-dir": f"{INPUT}/model",
                    "test": f"{INPUT}/test",
                    "dataset": f"{INPUT}/dataset",
                    "children": self._children,
                    "output-dir": f"{OUTPUT}/evaluation",
                }
            ),
        )
        return ProcessingStep(
            "EvaluateModel", step_args=step_args, property_files=[report], retry_policies=retries()
        )

    def _register(
        self, check: ProcessingStep, split: ProcessingStep, train: TrainingStep, evaluate: ProcessingStep
    ) -> ModelStep:
        came_from = self._jobs.provenance(
            check, split, evaluate, git_commit=self._git_commit, seed=self._seed.to_string()
        )
        says = {"model": self._model.name, "task": self._model.task, "tree": self._classifier.tree}
        return self._jobs.register(train, {**says, **_fits(label_map(self._classifier)), **came_from})


def _fits(labels: LabelMap) -> dict[str, str]:
    """Say which labels the model answers, and which each of its children has to."""
    children = {f"fits_{child.model}": child.label_map_sha256 for child in labels.children.values()}
    return {"label_map_sha256": labels.sha256, **children}
