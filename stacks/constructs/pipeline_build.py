"""The build that makes, checks, upserts and starts the SageMaker pipelines."""

from collections.abc import Mapping

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.workflow_actions import RunBuild
from stacks.constructs.workflow_build import WorkflowBuild

_FILES = ("pipeline_defs", "inference", "requirements-pipeline.txt", "requirements-jobs.txt")
# CodeBuild takes some thousand characters of environment, which many models are more than.
_MODELS_FILE = "models.json"
_EXPORTED = "PIPELINE_EXECUTION_ARN"
_COMMANDS = (
    'python -m pipeline_defs.upsert --model "$MODEL" --start --labels-manifest "$LABELS_MANIFEST"'
    ' --seed "$SEED" --execution-arn-to execution-arn',
    f'export {_EXPORTED}="$(cat execution-arn)"',
)

# What a start of the pipeline may say, with what holds where it does not; upsert.py reads `none` as nothing.
VARIABLES: Mapping[str, str] = {"LABELS_MANIFEST": "none", "SEED": "none"}


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
            exported=[_EXPORTED],
            documents={_MODELS_FILE: models},
        )

    def of_model(self, model: str) -> RunBuild:
        """The action that builds the pipeline of one model, with what the start of it says."""
        said = {name: f"#{{variables.{name}}}" for name in VARIABLES}
        commit = {"GIT_COMMIT": "#{variables.COMMIT}"}
        return RunBuild(
            "Build", project=self.project, reader=self.role, environment={"MODEL": model, **said, **commit}
        )
