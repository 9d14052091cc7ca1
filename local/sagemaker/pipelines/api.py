"""SageMaker Pipelines: definitions, checked when they are given, and their executions."""

from __future__ import annotations

import secrets
import string
import threading
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.events import emit, iso
from local.sagemaker.jobs.api import JobsApi
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE, answer
from local.sagemaker.pipelines.definition import all_steps, parse_definition
from local.sagemaker.pipelines.expressions import Scope, typed_parameters
from local.sagemaker.pipelines.run import PipelineRun
from local.sagemaker.pipelines.steps import Steps, Waitable
from local.sagemaker.refuse import refuse_given
from local.sagemaker.registry import last_part
from local.sagemaker.s3_transfer import bucket_and_key
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags
from local.sagemaker.tuning.api import TuningJobs

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_PARALLEL_STEPS = 4
_ID_CHARACTERS = string.ascii_lowercase + string.digits
_METADATA_NAMES = {
    "ProcessingJob": "processingJob",
    "TrainingJob": "trainingJob",
    "TuningJob": "tuningJob",
    "RegisterModel": "registerModel",
}
_PIPELINE_FIELDS = (
    "PipelineArn",
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "CreationTime",
    "LastModifiedTime",
    "LastExecutionTime",
)
_EXECUTION_FIELDS = (
    "PipelineExecutionArn",
    "StartTime",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
    "PipelineExecutionFailureReason",
)


class Pipelines:
    """The pipelines of the account, by name."""

    def __init__(self, cloud: LocalCloud, jobs: JobsApi, tuning: TuningJobs, tags: Tags) -> None:
        self._cloud, self._tags = cloud, tags
        self._jobs: dict[str, Waitable] = {
            "ProcessingJob": jobs.processing,
            "TrainingJob": jobs.training,
            "HyperParameterTuningJob": tuning,
        }
        self._lock = threading.Lock()
        self._runs: dict[str, PipelineRun] = {}
        self._stopping: dict[str, threading.Event] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._pipelines = Table(
            worded(lambda name: f"Pipeline '{name}' does not exist.", "ResourceNotFound"),
            worded(
                lambda name: (
                    "Pipeline names must be unique within an AWS account and region. "
                    f"Pipeline with name ({name}) already exists."
                )
            ),
        )
        self._executions = Table(
            worded(lambda arn: f"Pipeline execution with ARN {arn} does not exist.", "ResourceNotFound"),
            worded(lambda arn: f"Pipeline execution {arn} already exists."),
        )

    # ---- pipelines

    def create_pipeline(self, call: Call, **request: Any) -> Record:
        """Serve CreatePipeline; the definition is checked whole."""
        name = request["PipelineName"]
        token = request.pop("ClientRequestToken")
        arn = call.arn("sagemaker", f"pipeline/{name}")
        with self._lock:
            if name in self._pipelines and self._tokens.get((name, token)) == arn:
                return {"PipelineArn": arn}
            definition = self._definition_text(request)
            parse_definition(definition)
            tags = request.pop("Tags", [])
            time = now()
            made = {
                "PipelineArn": arn,
                "PipelineStatus": "Active",
                "CreationTime": time,
                "LastModifiedTime": time,
            }
            self._pipelines.add(name, {**request, "PipelineDefinition": definition, **made})
            self._tokens[name, token] = arn
        self._tags.keep(arn, tags)
        return {"PipelineArn": arn}

    def update_pipeline(self, call: Call, *, PipelineName: str, **request: Any) -> Record:  # noqa: N803
        """Serve UpdatePipeline."""
        arn = self._pipelines.get(PipelineName)["PipelineArn"]
        if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
            request["PipelineDefinition"] = self._definition_text(request)
            parse_definition(request["PipelineDefinition"])
        self._pipelines.update(PipelineName, **request, LastModifiedTime=now())
        return {"PipelineArn": arn}

    def describe_pipeline(self, call: Call, *, PipelineName: str, **more: Any) -> Record:  # noqa: N803
        """Serve DescribePipeline."""
        return answer("DescribePipeline", self._pipelines.get(last_part(PipelineName)))

    def list_pipelines(self, call: Call, **params: Any) -> Record:
        """Serve ListPipelines."""
        params["NameContains"] = params.pop("PipelineNamePrefix", "")
        records = self._pipelines.records()
        return listing(
            records, params, name="PipelineName", member="PipelineSummaries", fields=_PIPELINE_FIELDS
        )

    def delete_pipeline(self, call: Call, *, PipelineName: str, ClientRequestToken: str) -> Record:  # noqa: N803
        """Serve DeletePipeline; like AWS, not while it runs."""
        arn = self._pipelines.get(PipelineName)["PipelineArn"]
        for execution in self._executions.records():
            if execution["PipelineArn"] == arn and execution["PipelineExecutionStatus"] in (
                "Executing",
                "Stopping",
            ):
                raise AwsError("ConflictException", f"Pipeline {PipelineName} has a running execution.")
        self._pipelines.remove(PipelineName)
        self._tags.forget(arn)
        return {"PipelineArn": arn}

    def _definition_text(self, request: Record) -> str:
        place = request.pop("PipelineDefinitionS3Location", None)
        if place is None:
            return str(request["PipelineDefinition"])
        refuse_given("PipelineDefinitionS3Location", place, "VersionId")
        client = self._as_role(request["RoleArn"], "pipeline-definition").client("s3")
        return str(client.get_object(Bucket=place["Bucket"], Key=place["ObjectKey"])["Body"].read().decode())

    def _as_role(self, role: str, session: str) -> Any:
        credentials = self._cloud.service_credentials(
            role, SERVICE, session[:64], lifetime_seconds=CREDENTIALS_SECONDS
        )
        return self._cloud.session(credentials)

    # ---- executions

    def start_pipeline_execution(self, call: Call, **request: Any) -> Record:
        """Serve StartPipelineExecution; the same token starts the same execution once."""
        refuse_given("StartPipelineExecution", request, "SelectiveExecutionConfig", "PipelineVersionId")
        pipeline = self._pipelines.get(last_part(request["PipelineName"]))
        key = (pipeline["PipelineArn"], request["ClientRequestToken"])
        with self._lock:
            if key in self._tokens:
                return {"PipelineExecutionArn": self._tokens[key]}
            arn = self._start(call, pipeline, request)
            self._tokens[key] = arn
        return {"PipelineExecutionArn": arn}

    def _start(self, call: Call, pipeline: Record, request: Record) -> str:
        definition = parse_definition(pipeline["PipelineDefinition"])
        given = {item["Name"]: item["Value"] for item in request.get("PipelineParameters", [])}
        parameters = typed_parameters(definition.get("Parameters", []), given)
        execution = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(12))
        arn = f"{pipeline['PipelineArn']}/execution/{execution}"
        time = now()
        record = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": arn,
            "PipelineExecutionDisplayName": request.get(
                "PipelineExecutionDisplayName", f"execution-{arn[-12:]}"
            ),
            "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
            "PipelineExecutionStatus": "Executing",
            "PipelineDefinition": pipeline["PipelineDefinition"],
            "PipelineParameters": request.get("PipelineParameters", []),
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        run = self._run_of(call, pipeline, definition, parameters, record, request)
        self._executions.add(arn, record)
        self._pipelines.update(pipeline["PipelineName"], LastRunTime=time, LastExecutionTime=time)
        self._runs[arn] = run
        self._emit(arn, None)
        threading.Thread(
            target=self._execute, args=(arn, run), name=f"pipeline {arn[-12:]}", daemon=True
        ).start()
        return arn

    def _run_of(
        self,
        call: Call,
        pipeline: Record,
        definition: Record,
        parameters: Record,
        record: Record,
        request: Record,
    ) -> PipelineRun:
        arn = record["PipelineExecutionArn"]
        try:
            session = self._as_role(pipeline["RoleArn"], f"pipeline-{arn[-12:]}")
        except AwsError as error:
            message = f"Could not assume role {pipeline['RoleArn']}: {error.message}"
            raise AwsError("ValidationException", message) from error
        scope = Scope(
            parameters,
            _execution_variables(pipeline, record),
            _property_files(definition),
            lambda uri: _read_text(session.client("s3"), uri),
        )
        stopping = self._stopping[arn] = threading.Event()
        steps = Steps(session.client("sagemaker"), scope, arn, stopping, self._jobs)
        given = request.get("ParallelismConfiguration") or pipeline.get("ParallelismConfiguration") or {}
        parallel = min(given.get("MaxParallelExecutionSteps", _PARALLEL_STEPS), _PARALLEL_STEPS)

        def tell(step: Record, before: str) -> None:
            self._emit_step(arn, step, before)

        return PipelineRun(definition, steps, scope, parallel, stopping, tell)

    def _execute(self, arn: str, run: PipelineRun) -> None:
        try:
            status, reason = run.run()
        except Exception as error:  # whatever happens, the execution ends with what happened
            status, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
        before = self._executions.get(arn)["PipelineExecutionStatus"]
        self._executions.update(
            arn, PipelineExecutionStatus=status, FailureReason=reason, LastModifiedTime=now()
        )
        self._emit(arn, before)

    def describe_pipeline_execution(self, call: Call, *, PipelineExecutionArn: str) -> Record:  # noqa: N803
        """Serve DescribePipelineExecution."""
        return answer("DescribePipelineExecution", self._executions.get(PipelineExecutionArn))

    def list_pipeline_executions(self, call: Call, *, PipelineName: str, **params: Any) -> Record:  # noqa: N803
        """Serve ListPipelineExecutions of one pipeline."""
        arn = self._pipelines.get(last_part(PipelineName))["PipelineArn"]
        own = [
            {
                **record,
                "StartTime": record["CreationTime"],
                "PipelineExecutionFailureReason": record.get("FailureReason"),
            }
            for record in self._executions.records()
            if record["PipelineArn"] == arn
        ]
        member = "PipelineExecutionSummaries"
        return listing(own, params, name="PipelineExecutionArn", member=member, fields=_EXECUTION_FIELDS)

    def list_pipeline_execution_steps(
        self,
        call: Call,
        *,
        PipelineExecutionArn: str,  # noqa: N803
        **params: Any,
    ) -> Record:
        """Serve ListPipelineExecutionSteps: those that have started, newest first unless asked otherwise."""
        self._executions.get(PipelineExecutionArn)
        steps = self._runs[PipelineExecutionArn].records()
        if params.get("SortOrder", "Descending") == "Descending":
            steps.reverse()
        for step in steps:
            del step["StepType"]
        return {"PipelineExecutionSteps": steps}

    def stop_pipeline_execution(self, call: Call, *, PipelineExecutionArn: str, **more: Any) -> Record:  # noqa: N803
        """Serve StopPipelineExecution: the jobs that run are stopped, no further step starts."""
        status = self._executions.get(PipelineExecutionArn)["PipelineExecutionStatus"]
        if status == "Executing":
            self._executions.update(PipelineExecutionArn, PipelineExecutionStatus="Stopping")
            self._emit(PipelineExecutionArn, status)
            self._stopping[PipelineExecutionArn].set()
        return {"PipelineExecutionArn": PipelineExecutionArn}

    def describe_pipeline_definition_for_execution(self, call: Call, *, PipelineExecutionArn: str) -> Record:  # noqa: N803
        """Serve DescribePipelineDefinitionForExecution."""
        record = self._executions.get(PipelineExecutionArn)
        return {"PipelineDefinition": record["PipelineDefinition"], "CreationTime": record["CreationTime"]}

    def list_pipeline_parameters_for_execution(self, call: Call, **params: Any) -> Record:
        """Serve ListPipelineParametersForExecution."""
        record = self._executions.get(params["PipelineExecutionArn"])
        return {"PipelineParameters": record["PipelineParameters"]}

    def close(self) -> None:
        """Start no further step in any execution."""
        for stopping in self._stopping.values():
            stopping.set()

    # ---- events

    def _emit(self, arn: str, before: str | None) -> None:
        record = self._executions.get(arn)
        ended = record["PipelineExecutionStatus"] in ("Succeeded", "Failed", "Stopped")
        detail = {
            "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
            "pipelineExecutionDescription": record.get("PipelineExecutionDescription"),
            "currentPipelineExecutionStatus": record["PipelineExecutionStatus"],
            "previousPipelineExecutionStatus": before,
            "executionStartTime": iso(record["CreationTime"]),
            "executionEndTime": iso(record["LastModifiedTime"]) if ended else None,
            "pipelineArn": record["PipelineArn"],
            "pipelineExecutionArn": arn,
        }
        resources = [record["PipelineArn"], arn]
        emit(self._cloud, "Model Building Pipeline Execution Status Change", detail, resources)

    def _emit_step(self, arn: str, step: Record, before: str) -> None:
        pipeline = arn.rsplit("/execution/", 1)[0]
        metadata = {
            _METADATA_NAMES.get(name, name[0].lower() + name[1:]): {
                k[0].lower() + k[1:]: v for k, v in fields.items()
            }
            for name, fields in step.get("Metadata", {}).items()
        }
        detail = {
            "metadata": metadata,
            "stepStartTime": iso(step["StartTime"]),
            "stepEndTime": iso(step["EndTime"]) if "EndTime" in step else None,
            "stepName": step["StepName"],
            "stepType": step["StepType"],
            "previousStepStatus": before,
            "currentStepStatus": step["StepStatus"],
            "failureReason": step.get("FailureReason"),
            "pipelineArn": pipeline,
            "pipelineExecutionArn": arn,
        }
        emit(self._cloud, "Model Building Pipeline Execution Step Status Change", detail, [pipeline, arn])


def _execution_variables(pipeline: Record, record: Record) -> dict[str, str]:
    start = record["CreationTime"].isoformat()
    return {
        "PipelineName": pipeline["PipelineName"],
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionId": record["PipelineExecutionArn"].rsplit("/", 1)[1],
        "PipelineExecutionArn": record["PipelineExecutionArn"],
        "StartDateTime": start,
        "CurrentDateTime": start,
    }


def _property_files(definition: Record) -> dict[str, dict[str, Record]]:
    return {
        step["Name"]: {item["PropertyFileName"]: item for item in step.get("PropertyFiles", [])}
        for step in all_steps(definition["Steps"])
    }


def _read_text(s3: Any, uri: str) -> str:
    bucket, key = bucket_and_key(uri)
    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
