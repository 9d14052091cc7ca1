"""The build that makes, checks, upserts and starts the SageMaker pipelines."""

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.workflow_actions import RunBuild
from stacks.constructs.workflow_build import WorkflowBuild

_FILES = ("pipeline_defs", "inference", "requirements-pipeline.txt", "requirements-jobs.txt")
# CodeBuild takes some thousand characters of environment, which many models are more than.
_MODELS_FILE = "models.json"
# The execution that was started, and why none was; the one or the other is `none`.
_EXPORTED = ("PIPELINE_EXECUTION_ARN", "NOT_STARTED")
_FOR_UPSERT = ("LABELS_MANIFEST", "SEED", "AS_OF", "DATASET_MANIFEST", "CHILDREN", "ALONE")
_COMMANDS = (
    'python -m pipeline_defs.upsert --model "$MODEL" --start '
    + " ".join(f'--{name.lower().replace("_", "-")} "${name}"' for name in _FOR_UPSERT)
    + " --execution-arn-to execution-arn --not-started-to not-started",
    'export PIPELINE_EXECUTION_ARN="$(cat execution-arn)"',
    'export NOT_STARTED="$(cat not-started)"',
)

# What a start of the pipeline may say, with what holds where it does not; upsert.py reads `none` as nothing.
# STARTED_BY is for who looks at the run.
VARIABLES: Mapping[str, str] = dict.fromkeys((*_FOR_UPSERT, "STARTED_BY"), "none")


class PipelineBuild(WorkflowBuild):
    """Runs `python -m pipeline_defs.upsert` for the model that the pipeline's action names.

    `models` says for each model what its pipeline has to know. The build ends once the SageMaker pipeline's
    execution has started, and does not wait for the training.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        key: kms.IKey,
        models: Mapping[str, Mapping[str, object]],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Builds, checks, upserts and starts a SageMaker pipeline",
            key=key,
            files=_FILES,
            requirements="requirements-pipeline.txt",
            commands=_COMMANDS,
            environment={"MODEL_CONFIG_FILE": _MODELS_FILE, **environment},
            exported=_EXPORTED,
            documents={_MODELS_FILE: models},
        )

    def of_model(self, model: str) -> RunBuild:
        """The action that builds the pipeline of one model, with what the start of it says."""
        said = {name: f"#{{variables.{name}}}" for name in _FOR_UPSERT}
        known = {"GIT_COMMIT": "#{variables.COMMIT}", "RUN": "#{codepipeline.PipelineExecutionId}"}
        return RunBuild(
            "Build", project=self.project, reader=self.role, environment={"MODEL": model, **said, **known}
        )
