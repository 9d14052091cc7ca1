"""The jobs of one kind: real processes on this machine, each with the credentials of its own role."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Processes
from local.sagemaker.events import emit, in_milliseconds
from local.sagemaker.jobs.container_folder import ContainerFolder
from local.sagemaker.jobs.job import JobKind, Place
from local.sagemaker.jobs.life import Life
from local.sagemaker.jobs.run import JobRun
from local.sagemaker.log_stream import LogStream
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE, answer
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

OnLogLine = Callable[[str, str], None]
_JOIN_SECONDS = 5.0
_ENDED = ("Completed", "Failed", "Stopped")


class Watcher(Protocol):
    """Who started a job for itself and follows it."""

    def measured(self, job: str, metric: str, value: float) -> None:
        """Hear a metric's value that the job printed."""

    def ended(self, job: str) -> None:
        """Hear that the job has ended."""


class Jobs:
    """The jobs of one kind. `on_log_line(job name, line)`, where set, hears every line that a job prints."""

    def __init__(self, cloud: LocalCloud, processes: Processes, tags: Tags, kind: JobKind) -> None:
        self.kind = kind
        self.on_log_line: OnLogLine | None = None
        self._cloud, self._processes, self._tags = cloud, processes, tags
        self._runs: dict[str, JobRun] = {}
        self._threads: list[threading.Thread] = []
        self._marking = threading.Lock()
        self._table = Table(
            worded(lambda name: f"Could not find requested job with name: {name}"),
            worded(lambda name: f"Job name must be unique: {name} exists already", "ResourceInUse"),
        )

    def create(
        self, call: Call, request: Record, watcher: Watcher | None = None, **told: Any
    ) -> dict[str, str]:
        """Check a request, keep the job and start it; `told` is what Describe tells beside the request."""
        name = request[f"{self.kind.word}Name"]
        self.kind.check(request)
        arn = call.arn("sagemaker", f"{self.kind.name}/{name.lower()}")
        credentials = self._credentials(request["RoleArn"], name)
        time = now()
        record = {key: value for key, value in request.items() if key != "Tags"} | told
        record |= {f"{self.kind.word}Arn": arn, "CreationTime": time, "LastModifiedTime": time}
        record |= self.kind.promised(request, name)
        self._table.add(name, {**record, f"{self.kind.word}Status": "InProgress"})
        self._mark(name, "Starting")
        self._tags.keep(arn, request.get("Tags", []))
        run = JobRun(self.kind, request, self._place(name, arn, call, credentials), self._processes)
        self._runs[name] = run
        self._emit(name)
        thread = threading.Thread(
            target=self._run, args=(name, run, credentials["logs"], watcher), name=f"job {name}", daemon=True
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
        if self._mark(name, "Stopping"):
            self._emit(name)
            self._runs[name].stop()

    def interrupt(self, name: str, capacity_after_seconds: float = 0.0) -> None:
        """Take the spot instance of a training job away, as AWS may; ValueError where it has none."""
        record = self._table.get(name)
        if not record.get("EnableManagedSpotTraining") or record["TrainingJobStatus"] != "InProgress":
            raise ValueError(f"{name} is no spot job that runs: {record['TrainingJobStatus']}")
        self._runs[record["TrainingJobName"]].interrupt(capacity_after_seconds)

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

    def _run(self, name: str, run: JobRun, logs: Any, watcher: Watcher | None) -> None:
        log = LogStream(
            logs,
            self.kind.log_group,
            f"{name}/algo-1-{int(time.time())}",
            self._folder(name) / "job.log",
            metrics=run.request.get("AlgorithmSpecification", {}).get("MetricDefinitions", []),
            on_line=lambda line: self.on_log_line(name, line) if self.on_log_line else None,
            on_metric=lambda metric, value: watcher.measured(name, metric, value) if watcher else None,
        )
        self._table.update(name, **{f"{self.kind.word.removesuffix('Job')}StartTime": now()})
        self._live(name, run, log)
        self._emit(name)
        if watcher:
            watcher.ended(name)

    def _live(self, name: str, run: JobRun, log: LogStream) -> None:
        word = self.kind.word.removesuffix("Job")
        life = Life(run, log, lambda status: self._mark(name, status), trains=word == "Training")
        try:
            end = life.live()
        finally:
            log.close()
        changes: Record = {f"{word}EndTime": now(), **end.told}
        if word == "Training":
            changes |= life.times.told()
            if metrics := log.metrics.final():
                changes["FinalMetricDataList"] = metrics
        self._mark(name, end.secondary, **changes, **{f"{self.kind.word}Status": end.status})

    def _mark(self, name: str, secondary: str, **changes: Any) -> bool:
        """Go to a secondary status, kept where the kind has some; a job that ends takes none but its last."""
        with self._marking:
            record = self._table.get(name)
            status = f"{self.kind.word}Status"
            if record[status] in _ENDED or (record[status] == "Stopping" and status not in changes):
                return False
            if secondary == "Stopping":
                changes[status] = "Stopping"
            at = now()
            if self.kind.word == "TrainingJob":
                changes["SecondaryStatus"] = secondary
                changes["SecondaryStatusTransitions"] = _gone_over(record, secondary, at)
            self._table.update(name, **changes, LastModifiedTime=at)
            return True

    def _emit(self, name: str) -> None:
        word = self.kind.word
        record = self._table.get(name)
        detail = in_milliseconds(answer(f"Describe{word}", record))
        detail.pop("FinalMetricDataList", None)
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self._tags.of(record[f"{word}Arn"])}
        kind = "Processing Job" if word == "ProcessingJob" else "Training Job"
        emit(self._cloud, f"{kind} State Change", detail, [record[f"{word}Arn"]])


def _gone_over(record: Record, status: str, at: Any) -> list[Record]:
    """Give a job's transitions, the last of them ended, with one to a status."""
    transitions: list[Record] = record.get("SecondaryStatusTransitions", [])
    for last in transitions[-1:]:
        last["EndTime"] = at
    ends = status in (*_ENDED, "MaxRuntimeExceeded", "MaxWaitTimeExceeded")
    return [*transitions, {"Status": status, "StartTime": at, **({"EndTime": at} if ends else {})}]
