"""CreateLabelingJob, DescribeLabelingJob and StopLabelingJob for bounding boxes and their verification.

AWS's own functions before and after a task are not called: what they make of a manifest's line and of one
worker's answer is what `output` writes. One worker answers each picture.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from inference.pictures import BadPicture, decode
from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.labeling import output
from local.sagemaker.labeling.workteam import Answer, Failure, Result, Task, Team
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE, answer
from local.sagemaker.refuse import refuse, refuse_given
from local.sagemaker.s3_transfer import bucket_and_key
from local.sagemaker.table import Record, Table, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_KINDS: dict[str, Literal["label", "verify"]] = {
    "PRE-BoundingBox": "label",
    "PRE-VerificationBoundingBox": "verify",
}


class LabelingJobs:
    """The labeling jobs of the account; `teams` are the simulated workteams by their ARN."""

    def __init__(self, cloud: LocalCloud, tags: Tags) -> None:
        self.teams: dict[str, Team] = {}
        self._cloud, self._tags = cloud, tags
        self._stopped: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._table = Table(
            worded(lambda name: f"Could not find labeling job {name}", "ResourceNotFound"),
            worded(lambda name: f"Labeling job {name} exists already", "ResourceInUse"),
        )

    def create_labeling_job(self, call: Call, **request: Any) -> Record:
        """Serve CreateLabelingJob for a simulated workteam."""
        name, task = request["LabelingJobName"], request["HumanTaskConfig"]
        kind = _kind(request)
        team = self.teams.get(task["WorkteamArn"])
        if team is None:
            raise refuse(
                f"CreateLabelingJob for {task['WorkteamArn']}: no workteam is simulated there; give it one "
                '(local/sagemaker/labeling/workteam.py), or set backend = "workbench"'
            )
        credentials = self._cloud.service_credentials(
            request["RoleArn"], SERVICE, name[:64], lifetime_seconds=CREDENTIALS_SECONDS
        )
        s3 = self._cloud.session(credentials).client("s3")
        arn, time = call.arn("sagemaker", f"labeling-job/{name.lower()}"), now()
        tags = request.pop("Tags", [])
        counters = {"TotalLabeled": 0, "HumanLabeled": 0, "MachineLabeled": 0, "FailedNonRetryableError": 0}
        record = {**request, "LabelingJobArn": arn, "JobReferenceCode": name, "LabelCounters": counters}
        record |= {"CreationTime": time, "LastModifiedTime": time, "LabelingJobStatus": "InProgress"}
        self._table.add(name, {**record, "Tags": tags})
        self._tags.keep(arn, tags)
        self._stopped[name] = threading.Event()
        run = threading.Thread(target=self._run, args=(record, kind, team, s3), name=name, daemon=True)
        self._threads.append(run)
        run.start()
        return {"LabelingJobArn": arn}

    def describe_labeling_job(self, call: Call, *, LabelingJobName: str) -> Record:  # noqa: N803
        """Serve DescribeLabelingJob."""
        return answer("DescribeLabelingJob", self._table.get(LabelingJobName))

    def stop_labeling_job(self, call: Call, *, LabelingJobName: str) -> None:  # noqa: N803
        """Serve StopLabelingJob: what was answered so far is written."""
        record = self._table.get(LabelingJobName)
        if record["LabelingJobStatus"] != "InProgress":
            raise AwsError(
                "ValidationException", f"{LabelingJobName} is {record['LabelingJobStatus']}, not InProgress"
            )
        self._table.update(LabelingJobName, LabelingJobStatus="Stopping", LastModifiedTime=now())
        self._stopped[LabelingJobName].set()

    def close(self) -> None:
        """End every job."""
        for stopped in self._stopped.values():
            stopped.set()
        for thread in self._threads:
            thread.join(5)

    def _run(self, record: Record, kind: Literal["label", "verify"], team: Team, s3: Any) -> None:
        name = record["LabelingJobName"]
        try:
            results = [Result(task) for task in _tasks(record, kind, s3)]
            sizes = self._ask(record, team, s3, results)
            _write_output(record, s3, results, sizes)
        except (ClientError, ValueError, KeyError) as error:
            self._end(name, "Failed", FailureReason=f"ClientError: {error}"[:1024])
            return
        failed = sum(isinstance(result.given, Failure) for result in results)
        labeled = sum(isinstance(result.given, Answer) for result in results)
        counters = {
            "TotalLabeled": labeled,
            "HumanLabeled": labeled,
            "MachineLabeled": 0,
            "FailedNonRetryableError": failed,
            "Unlabeled": len(results) - failed - labeled,
        }
        status = "Stopped" if self._stopped[name].is_set() else "Completed"
        place = {"OutputDatasetS3Uri": f"{_folder(record)}/manifests/output/output.manifest"}
        self._end(name, status, LabelCounters=counters, LabelingJobOutput=place)

    def _ask(self, record: Record, team: Team, s3: Any, results: list[Result]) -> list[tuple[int, ...]]:
        """Ask the team about each picture, until the job is stopped."""
        stopped, sizes = self._stopped[record["LabelingJobName"]], []
        for result in results:
            size, result.given = _shown(s3, result.task)
            sizes.append(size)
            if result.given is None and not stopped.is_set():
                result.given = team(result.task)
            if isinstance(result.given, Answer):
                folder = f"{_folder(record)}/annotations/worker-response/iteration-1/{result.task.number}"
                at = now()
                _put(s3, f"{folder}/{at:%Y-%m-%d_%H:%M:%S}.json", output.worker_response(result.given, at))
        return sizes

    def _end(self, name: str, status: str, **changes: Any) -> None:
        self._table.update(name, LabelingJobStatus=status, LastModifiedTime=now(), **changes)


def _kind(request: Record) -> Literal["label", "verify"]:
    refuse_given("CreateLabelingJob", request, "LabelingJobAlgorithmsConfig", "StoppingConditions")
    function = request["HumanTaskConfig"].get("PreHumanTaskLambdaArn", "").rpartition(":")[2]
    if function not in _KINDS:
        raise refuse(f"CreateLabelingJob with {function or 'no function'} before its tasks")
    if "S3DataSource" not in request["InputConfig"]["DataSource"]:
        raise refuse("CreateLabelingJob with a stream of pictures")
    if "UiTemplateS3Uri" not in request["HumanTaskConfig"]["UiConfig"]:
        raise AwsError("ValidationException", f"{function} needs UiTemplateS3Uri")
    return _KINDS[function]


def _tasks(record: Record, kind: Literal["label", "verify"], s3: Any) -> list[Task]:
    config = json.loads(_get(s3, record["LabelCategoryConfigS3Uri"]))
    _get(s3, record["HumanTaskConfig"]["UiConfig"]["UiTemplateS3Uri"])
    categories = [entry["label"] for entry in config["labels"]]
    text = _get(s3, record["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]).decode()
    lines = [json.loads(line) for line in text.split("\n") if line.strip()]
    name = record["LabelingJobName"]
    return [Task(name, kind, number, line, categories) for number, line in enumerate(lines)]


def _shown(s3: Any, task: Task) -> tuple[tuple[int, ...], Failure | None]:
    """A picture's height, width and depth, or why a worker's browser would not show it."""
    try:
        return decode(_get(s3, task.line["source-ref"])).shape, None
    except ClientError as error:
        return (0, 0, 0), Failure(
            f"ClientError: {error.response['Error']['Code']}: {task.line['source-ref']}"
        )
    except BadPicture as error:
        return (0, 0, 0), Failure(f"ClientError: {error}")


def _write_output(record: Record, s3: Any, results: list[Result], sizes: list[tuple[int, ...]]) -> None:
    attribute, at = record["LabelAttributeName"], now()
    lines = [
        json.dumps(output.line(result, attribute=attribute, size=size, at=at))
        for result, size in zip(results, sizes, strict=True)
    ]
    _put(s3, f"{_folder(record)}/manifests/output/output.manifest", "".join(f"{line}\n" for line in lines))


def _folder(record: Record) -> str:
    return f"{record['OutputConfig']['S3OutputPath'].rstrip('/')}/{record['LabelingJobName']}"


def _get(s3: Any, uri: str) -> bytes:
    bucket, key = bucket_and_key(uri)
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _put(s3: Any, uri: str, text: str) -> None:
    bucket, key = bucket_and_key(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
