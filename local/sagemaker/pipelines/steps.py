"""What each type of step does: calls to SageMaker with the credentials of the pipeline's role."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.errors import AwsError
from local.sagemaker.pipelines.definition import Step
from local.sagemaker.pipelines.expressions import ExpressionError, Scope
from local.sagemaker.pipelines.retry import StepError, call_error_kinds, job_error_kinds

_LOOK_EVERY_SECONDS = 0.2
_ENDED = ("Completed", "Failed", "Stopped")
_KINDS = {
    "ProcessingJob": "processing_job",
    "TrainingJob": "training_job",
    "HyperParameterTuningJob": "hyper_parameter_tuning_job",
}
_METADATA = {"HyperParameterTuningJob": "TuningJob"}
_BEST_FIRST = {"Maximize": "Descending", "Minimize": "Ascending"}
_MOST_TOLD = 50


class Waitable(Protocol):
    """The jobs of one kind."""

    def describe(self, name: str) -> dict[str, Any]:
        """Give all that is known of a job."""

    def stop(self, name: str) -> None:
        """Ask a running job to end."""


@dataclass(frozen=True)
class Done:
    """A step that succeeded: its metadata for ListPipelineExecutionSteps, properties, the branch it took."""

    metadata: dict[str, Any]
    properties: dict[str, Any]
    branch: tuple[Step, ...] = ()


class Steps:
    """Runs the steps of one execution. `client` is SageMaker's, as the pipeline's role."""

    def __init__(
        self,
        client: Any,
        scope: Scope,
        execution_arn: str,
        stopping: threading.Event,
        jobs: Mapping[str, Waitable],
    ) -> None:
        self._client, self._scope = client, scope
        self._execution_arn, self._stopping, self._jobs = execution_arn, stopping, jobs

    def run(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        """Run a step to its end; `note` hears its metadata as soon as there is some. Raises StepError."""
        try:
            return self._kinds()[step["Type"]](step, note)
        except ClientError as error:
            details = error.response["Error"]
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
            kinds = call_error_kinds(details.get("Code", ""), status)
            raise StepError(f"ClientError: {error}", kinds) from error
        except (AwsError, BotoCoreError, ExpressionError, KeyError) as error:
            raise StepError(f"ClientError: {type(error).__name__}: {error}") from error

    def _kinds(self) -> dict[str, Callable[[Step, Callable[[dict[str, Any]], None]], Done]]:
        return {
            "Processing": lambda step, note: self._job(step, note, "ProcessingJob"),
            "Training": lambda step, note: self._job(step, note, "TrainingJob"),
            "Tuning": self._tune,
            "RegisterModel": self._register,
            "Model": self._model,
            "Condition": self._condition,
            "Fail": self._fail,
        }

    def _job(self, step: Step, note: Callable[[dict[str, Any]], None], word: str) -> Done:
        request = self._scope.value(step["Arguments"])
        name, kind = self._name(step), _KINDS[word]
        made = getattr(self._client, f"create_{kind}")(**{**request, f"{word}Name": name})
        metadata = {_METADATA.get(word, word): {"Arn": made[f"{word}Arn"]}}
        note(metadata)
        self._wait(self._jobs[word], name, f"{word}Status")
        described = getattr(self._client, f"describe_{kind}")(**{f"{word}Name": name})
        described.pop("ResponseMetadata", None)
        if described[f"{word}Status"] != "Completed":
            reason = described.get("FailureReason") or f"the job {name} was stopped"
            raise StepError(reason, job_error_kinds(reason), metadata)
        return Done(metadata, described)

    def _tune(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        """Tune; its training jobs are told too, the best first."""
        done = self._job(step, note, "HyperParameterTuningJob")
        found = self._client.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=done.properties["HyperParameterTuningJobName"],
            SortBy="FinalObjectiveMetricValue",
            SortOrder=_BEST_FIRST[_objective(done.properties)],
            MaxResults=_MOST_TOLD,
        )["TrainingJobSummaries"]
        return Done(done.metadata, {**done.properties, "TrainingJobSummaries": found})

    def _wait(self, jobs: Waitable, name: str, status: str) -> None:
        """Wait as SageMaker's own orchestration does: without calls to its API."""
        told = False
        while jobs.describe(name)[status] not in _ENDED:
            if self._stopping.wait(_LOOK_EVERY_SECONDS) and not told:
                jobs.stop(name)
                told = True
            elif told:
                threading.Event().wait(_LOOK_EVERY_SECONDS)

    def _register(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        request = self._scope.value(step["Arguments"])
        request["MetadataProperties"] = {
            "GeneratedBy": self._execution_arn,
            **request.get("MetadataProperties", {}),
        }
        arn = self._client.create_model_package(**request)["ModelPackageArn"]
        described = self._client.describe_model_package(ModelPackageName=arn)
        return Done({"RegisterModel": {"Arn": arn}}, described)

    def _model(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        name = self._name(step)
        arn = self._client.create_model(**self._scope.value(step["Arguments"]), ModelName=name)["ModelArn"]
        return Done({"Model": {"Arn": arn}}, self._client.describe_model(ModelName=name))

    def _condition(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        arguments = step["Arguments"]
        true = all(self._scope.holds(condition) for condition in arguments["Conditions"])
        branch = arguments.get("IfSteps" if true else "ElseSteps") or []
        outcome = "True" if true else "False"
        return Done({"Condition": {"Outcome": outcome}}, {"Outcome": true}, tuple(branch))

    def _fail(self, step: Step, note: Callable[[dict[str, Any]], None]) -> Done:
        message = str(self._scope.value(step["Arguments"].get("ErrorMessage", "")))
        raise StepError(message, metadata={"Fail": {"ErrorMessage": message}})

    def _name(self, step: Step) -> str:
        execution = self._execution_arn.rsplit("/", 1)[-1]
        if step["Type"] == "Tuning":  # their names have 32 characters at most
            return f"{execution}-{step['Name'][:8].rstrip('-')}-{secrets.token_hex(5)}"
        return f"pipelines-{execution}-{step['Name'][:24]}-{secrets.token_hex(5)}"


def _objective(described: Mapping[str, Any]) -> str:
    return str(described["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"])
