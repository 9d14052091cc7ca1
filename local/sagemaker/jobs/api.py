"""Processing and training jobs: real processes on this machine, each with the credentials of its own role."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.sagemaker.events import emit, milliseconds
from local.sagemaker.jobs.container_folder import ContainerFolder
from local.sagemaker.jobs.error import LONGEST_REASON, JobError
from local.sagemaker.jobs.job import JobKind, Place
from local.sagemaker.jobs.processing import Processing
from local.sagemaker.jobs.run import JobRun
from local.sagemaker.jobs.training import Training
from local.sagemaker.log_stream import LogStream
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE, answer
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

OnLogLine = Callable[[str, str], None]
_DAY_SECONDS = 86_400
_JOIN_SECONDS = 5.0


class Jobs:
    """The jobs of one kind. `on_log_line(job name, line)`, where set, hears every line that a job prints."""

    def __init__(self, cloud: LocalCloud, processes: Processes, tags: Tags, kind: JobKind) -> None:
        self.kind = kind
        self.on_log_line: OnLogLine | None = None
        self._cloud, self._processes, self._tags = cloud, processes, tags
        self._runs: dict[str, JobRun] = {}
        self._threads: list[threading.Thread] = []
        self._table = Table(
            worded(lambda name: f"Could not find requested job with name: {name}"),
            worded(lambda name: f"Job name must be unique: {name} exists already", "ResourceInUse"),
        )

    def create(self, call: Call, request: Record) -> dict[str, str]:
        """Check a request, keep the job and start it."""
        name = request[f"{self.kind.word}Name"]
        self.kind.check(request)
        arn = call.arn("sagemaker", f"{self.kind.name}/{name.lower()}")
        credentials = self._credentials(request["RoleArn"], name)
        time = now()
        record = {key: value for key, value in request.items() if key != "Tags"}
        record |= {f"{self.kind.word}Arn": arn, "CreationTime": time, "LastModifiedTime": time}
        record |= self.kind.promised(request, name)
        self._table.add(name, {**record, **self._status("InProgress", "Starting")})
        self._tags.keep(arn, request.get("Tags", []))
        run = JobRun(self.kind, request, self._place(name, arn, call, credentials), self._processes)
        self._runs[name] = run
        self._emit(name)
        thread = threading.Thread(
            target=self._run, args=(name, run, credentials["logs"]), name=f"job {name}", daemon=True
        )
        self._threads.append(thread)
        thread.start()
        return {f"{self.kind.word}Arn": arn}

    def describe(self, name: str) -> Record:
        """Give all that is known of a job."""
        return answer(f"Describe{self.kind.word}", self._table.get(name))

    def stop(self, name: str) -> None:
        """Ask a running job to end; a job that has ended is left as it is."""
        record = self._table.get(name)
        name = record[f"{self.kind.word}Name"]
        if record[f"{self.kind.word}Status"] == "InProgress":
            self._table.update(name, **self._status("Stopping", "Stopping"))
            self._emit(name)
            self._runs[name].stop()

    def list(self, params: Record) -> Record:
        """Answer List…Jobs."""
        word = self.kind.word
        kept = [f"{word}Name", f"{word}Arn", "CreationTime", "LastModifiedTime", f"{word}Status"]
        kept += [f"{word.removesuffix('Job')}EndTime"]
        return listing(
            self._table.records(),
            params,
            name=f"{word}Name",
            status=f"{word}Status",
            member=f"{word}Summaries",
            fields=kept,
        )

    def log_path(self, name: str) -> Path:
        """Give the file with all that the job printed."""
        return self._folder(self._table.get(name)[f"{self.kind.word}Name"]) / "job.log"

    def join(self) -> None:
        """Wait until the jobs, whose processes have ended, have told their end."""
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _folder(self, name: str) -> Path:
        return Path(self._cloud.state_dir) / "sagemaker" / self.kind.name / name

    def _credentials(self, role: str, name: str) -> Mapping[str, Any]:
        try:
            credentials = self._cloud.service_credentials(
                role, SERVICE, name[:64], lifetime_seconds=CREDENTIALS_SECONDS
            )
        except AwsError as error:
            message = f"Could not assume role {role}: {error.message}"
            raise AwsError("ValidationException", message) from error
        session = self._cloud.session(credentials)
        return {
            "s3": session.client("s3"),
            "logs": session.client("logs"),
            "environment": self._cloud.environment(credentials),
        }

    def _place(self, name: str, arn: str, call: Call, credentials: Mapping[str, Any]) -> Place:
        root = self._folder(name) / "ml"
        root.mkdir(parents=True, exist_ok=True)
        return Place(
            name=name,
            arn=arn,
            region=call.region,
            folder=ContainerFolder(root),
            s3=credentials["s3"],
            credentials=credentials["environment"],
        )

    def _run(self, name: str, run: JobRun, logs: Any) -> None:
        log = LogStream(
            logs,
            self.kind.log_group,
            f"{name}/algo-1-{int(time.time())}",
            self._folder(name) / "job.log",
            metrics=run.request.get("AlgorithmSpecification", {}).get("MetricDefinitions", []),
            on_line=lambda line: self.on_log_line(name, line) if self.on_log_line else None,
        )
        word = self.kind.word.removesuffix("Job")
        self._table.update(name, **{f"{word}StartTime": now()})
        try:
            changes = self._outcome(name, run, log)
        except JobError as failure:
            changes = {**self._status("Failed", "Failed"), "FailureReason": str(failure)[:LONGEST_REASON]}
        finally:
            log.close()
        if log.metrics.final() and word == "Training":
            changes["FinalMetricDataList"] = log.metrics.final()
        end = now()
        self._table.update(name, **{f"{word}EndTime": end, "LastModifiedTime": end}, **changes)
        self._emit(name)

    def _outcome(self, name: str, run: JobRun, log: LogStream) -> Record:
        run.download()
        if self.kind.word == "TrainingJob":
            self._table.update(name, SecondaryStatus="Training")
        limit = run.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DAY_SECONDS)
        cause = run.execute(log, limit)
        if cause == "stopped" and self.kind.word == "ProcessingJob":
            return self._status("Stopped", "Stopped")
        if cause == "timed out" and self.kind.word == "ProcessingJob":
            reason = f"The job ran longer than its MaxRuntimeInSeconds of {limit} and was stopped"
            return {**self._status("Stopped", "Stopped"), "FailureReason": reason}
        # Training keeps what it has so far on S3, also when it is stopped.
        results = run.upload()
        if cause == "timed out":
            reason = f"The job ran longer than its MaxRuntimeInSeconds of {limit} and was stopped"
            return {**results, **self._status("Stopped", "MaxRuntimeExceeded"), "FailureReason": reason}
        done = "Stopped" if cause == "stopped" else "Completed"
        return {**results, **self._status(done, done)}

    def _status(self, status: str, secondary: str) -> Record:
        word = self.kind.word
        return {f"{word}Status": status, **({"SecondaryStatus": secondary} if word == "TrainingJob" else {})}

    def _emit(self, name: str) -> None:
        word = self.kind.word
        record = self._table.get(name)
        described = answer(f"Describe{word}", record)
        detail = {k: milliseconds(v) if k.endswith("Time") else v for k, v in described.items()}
        detail.pop("FinalMetricDataList", None)
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self._tags.of(record[f"{word}Arn"])}
        kind = "Processing Job" if word == "ProcessingJob" else "Training Job"
        emit(self._cloud, f"{kind} State Change", detail, [record[f"{word}Arn"]])


class JobsApi:
    """The operations on jobs, named as boto3 names them."""

    def __init__(self, cloud: LocalCloud, processes: Processes, tags: Tags) -> None:
        self.processing = Jobs(cloud, processes, tags, Processing())
        self.training = Jobs(cloud, processes, tags, Training())

    def listen(self, on_log_line: OnLogLine | None) -> None:
        """Let `on_log_line(job name, line)` hear the lines of every job."""
        self.processing.on_log_line = self.training.on_log_line = on_log_line

    def create_processing_job(self, call: Call, **request: Any) -> dict[str, str]:
        """Serve CreateProcessingJob."""
        return self.processing.create(call, request)

    def describe_processing_job(self, call: Call, *, ProcessingJobName: str) -> Record:  # noqa: N803
        """Serve DescribeProcessingJob."""
        return self.processing.describe(ProcessingJobName)

    def stop_processing_job(self, call: Call, *, ProcessingJobName: str) -> None:  # noqa: N803
        """Serve StopProcessingJob."""
        self.processing.stop(ProcessingJobName)

    def list_processing_jobs(self, call: Call, **params: Any) -> Record:
        """Serve ListProcessingJobs."""
        return self.processing.list(params)

    def create_training_job(self, call: Call, **request: Any) -> dict[str, str]:
        """Serve CreateTrainingJob."""
        return self.training.create(call, request)

    def describe_training_job(self, call: Call, *, TrainingJobName: str) -> Record:  # noqa: N803
        """Serve DescribeTrainingJob."""
        return self.training.describe(TrainingJobName)

    def stop_training_job(self, call: Call, *, TrainingJobName: str) -> None:  # noqa: N803
        """Serve StopTrainingJob."""
        self.training.stop(TrainingJobName)

    def list_training_jobs(self, call: Call, **params: Any) -> Record:
        """Serve ListTrainingJobs."""
        return self.training.list(params)
