# ruff: noqa: N803 - the parameters have the API's own names
"""The invoke action Lambda: a job that the function has to end by a call to CodePipeline."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codepipeline.records import Location, action_type
from local.codepipeline.work import ActionError, Done, Work

Keys = Callable[[Work], dict[str, str]]  # temporary credentials for the artifacts of an action
_LONGEST_SECONDS = 24 * 3600
_AGAIN_SECONDS = 2  # until a function that gave a continuation token is invoked again
_MOST_OUTPUT_BYTES = 122880


@dataclass
class _Job:
    id: str
    account: str
    data: dict[str, Any]
    more: dict[str, Any]  # what GetJobDetails tells beside the event's data
    result: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class LambdaJobs:
    """Invokes functions, and serves PutJobSuccessResult, PutJobFailureResult and GetJobDetails."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._jobs: dict[str, _Job] = {}

    def run(self, work: Work) -> Done:
        """Do the action: one job, or several where the function asks to be invoked again."""
        token: str | None = None
        while True:
            result = self._job(work, token)
            details = result.get("executionDetails", {})
            work.report(**_told(details))
            if result.get("failureDetails"):
                failure = result["failureDetails"]
                raise ActionError(failure["type"], failure["message"])
            token = result.get("continuationToken")
            if token is None:
                break
            work.until(_after(_AGAIN_SECONDS), _LONGEST_SECONDS, "The job")
        return Done(variables=result.get("outputVariables", {}), summary=details.get("summary", ""))

    def _job(self, work: Work, token: str | None) -> dict[str, Any]:
        job = self._made(work, token)
        event = {"CodePipeline.job": {"id": job.id, "accountId": job.account, "data": job.data}}
        work.session.client("lambda").invoke(
            FunctionName=work.configuration["FunctionName"],
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
        try:
            what = f"The function {work.configuration['FunctionName']} gave no result: the job"
            return work.until(lambda: job.result, _LONGEST_SECONDS, what)
        finally:
            with job.lock:
                job.result = job.result or {}

    def _made(self, work: Work, token: str | None) -> _Job:
        configuration = {
            key: work.configuration[key]
            for key in ("FunctionName", "UserParameters")
            if key in work.configuration
        }
        data: dict[str, Any] = {
            "actionConfiguration": {"configuration": configuration},
            "inputArtifacts": [
                _artifact(name, where, work.revisions.get(name)) for name, where in work.inputs.items()
            ],
            "outputArtifacts": [_artifact(name, where, None) for name, where in work.outputs.items()],
            "artifactCredentials": self._keys(work),
        }
        if token is not None:
            data["continuationToken"] = token
        if work.encryption_key:
            data["encryptionKey"] = {"id": work.encryption_key, "type": "KMS"}
        more = {
            "actionTypeId": action_type(work.action),
            "pipelineContext": {
                "pipelineName": work.pipeline,
                "stage": {"name": work.action.stage},
                "action": {"name": work.action.name, "actionExecutionId": work.id},
                "pipelineArn": work.pipeline_arn,
                "pipelineExecutionId": work.execution_id,
            },
        }
        job = _Job(str(uuid.uuid4()), work.call.account, data, more)
        self._jobs[job.id] = job
        return job

    def put_job_success_result(self, call: Call, *, jobId: str, **result: Any) -> None:
        """Serve PutJobSuccessResult."""
        size = sum(len(k) + len(v) for k, v in result.get("outputVariables", {}).items())
        if size > _MOST_OUTPUT_BYTES:
            raise AwsError("OutputVariablesSizeExceededException", f"{size} bytes of output variables")
        self._end(jobId, result)

    def put_job_failure_result(self, call: Call, *, jobId: str, failureDetails: dict[str, Any]) -> None:
        """Serve PutJobFailureResult."""
        self._end(jobId, {"failureDetails": failureDetails, "executionDetails": failureDetails})

    def get_job_details(self, call: Call, *, jobId: str) -> dict[str, Any]:
        """Serve GetJobDetails."""
        job = self._found(jobId)
        artifacts = {
            kind: [{k: v for k, v in artifact.items() if v is not None} for artifact in job.data[kind]]
            for kind in ("inputArtifacts", "outputArtifacts")
        }
        data = {**job.data, **job.more, **artifacts}
        return {"jobDetails": {"id": job.id, "accountId": job.account, "data": data}}

    def _found(self, job_id: str) -> _Job:
        if job_id not in self._jobs:
            raise AwsError("JobNotFoundException", f"The job {job_id} does not exist")
        return self._jobs[job_id]

    def _end(self, job_id: str, result: dict[str, Any]) -> None:
        job = self._found(job_id)
        with job.lock:
            if job.result is not None:
                raise AwsError("InvalidJobStateException", f"The job {job_id} has ended already")
            job.result = {"ended": True, **result}


def _artifact(name: str, where: Location, revision: str | None) -> dict[str, Any]:
    location = {"type": "S3", "s3Location": {"bucketName": where.bucket, "objectKey": where.key}}
    return {"name": name, "revision": revision, "location": location}


def _told(details: dict[str, Any]) -> dict[str, str]:
    names = {"external_id": "externalExecutionId", "summary": "summary"}
    return {ours: details[theirs] for ours, theirs in names.items() if details.get(theirs)}


def _after(seconds: float) -> Callable[[], bool | None]:
    passed = threading.Event()
    timer = threading.Timer(seconds, passed.set)
    timer.daemon = True
    timer.start()
    return lambda: True if passed.is_set() else None
