"""The operations on hyperparameter tuning jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.events import emit, in_milliseconds
from local.sagemaker.jobs.error import LONGEST_REASON
from local.sagemaker.jobs.jobs import Jobs
from local.sagemaker.model import SERVICE, answer
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags
from local.sagemaker.tuning.plan import Plan, read_plan
from local.sagemaker.tuning.run import TuningRun
from local.sagemaker.tuning.trial import best, counters

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_JOIN_SECONDS = 10.0
_PAGE = 10
_LISTED = (
    "HyperParameterTuningJobName",
    "HyperParameterTuningJobArn",
    "HyperParameterTuningJobStatus",
    "Strategy",
    "CreationTime",
    "HyperParameterTuningEndTime",
    "LastModifiedTime",
    "TrainingJobStatusCounters",
    "ObjectiveStatusCounters",
    "ResourceLimits",
)
_NAME, _STATUS = "HyperParameterTuningJobName", "HyperParameterTuningJobStatus"


class TuningJobs:
    """The tuning jobs of the account; their training jobs are among its `training` jobs."""

    def __init__(self, cloud: LocalCloud, training: Jobs, tags: Tags) -> None:
        self._cloud, self._training, self._tags = cloud, training, tags
        self._runs: dict[str, TuningRun] = {}
        self._plans: dict[str, Plan] = {}
        self._threads: list[threading.Thread] = []
        missing = "Amazon SageMaker can't find a tuning job with name"
        self._table = Table(
            worded(lambda name: f"{missing} {name}", "ResourceNotFound"),
            worded(lambda name: f"Tuning job names must be unique: {name} exists already", "ResourceInUse"),
        )

    def create_hyper_parameter_tuning_job(self, call: Call, **request: Any) -> Record:
        """Serve CreateHyperParameterTuningJob."""
        name, plan = request[_NAME], read_plan(request)
        self._training.kind.check(plan.job(plan.job_name(0), {}))
        self._check_role(plan.definition["RoleArn"], name)
        arn, time = call.arn("sagemaker", f"hyper-parameter-tuning-job/{name.lower()}"), now()
        tags = request.pop("Tags", [])
        record = {**request, "HyperParameterTuningJobArn": arn, _STATUS: "InProgress"}
        self._table.add(name, {**record, "CreationTime": time, "LastModifiedTime": time})
        self._tags.keep(arn, tags)
        self._plans[name], self._runs[name] = plan, TuningRun(plan, arn, self._training, call)
        self._emit(name)
        thread = threading.Thread(target=self._run, args=(name,), name=f"tuning {name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return {"HyperParameterTuningJobArn": arn}

    def describe_hyper_parameter_tuning_job(self, call: Call, *, HyperParameterTuningJobName: str) -> Record:  # noqa: N803
        """Serve DescribeHyperParameterTuningJob."""
        return self.describe(HyperParameterTuningJobName)

    def stop_hyper_parameter_tuning_job(self, call: Call, *, HyperParameterTuningJobName: str) -> None:  # noqa: N803
        """Serve StopHyperParameterTuningJob."""
        self.stop(HyperParameterTuningJobName)

    def delete_hyper_parameter_tuning_job(self, call: Call, *, HyperParameterTuningJobName: str) -> None:  # noqa: N803
        """Serve DeleteHyperParameterTuningJob: its training jobs stay."""
        record = self._table.get(HyperParameterTuningJobName)
        if record[_STATUS] in ("InProgress", "Stopping"):
            raise AwsError("ValidationException", f"{record[_NAME]} is {record[_STATUS]}: stop it first")
        self._table.remove(record[_NAME])
        self._tags.forget(record["HyperParameterTuningJobArn"])

    def list_hyper_parameter_tuning_jobs(self, call: Call, **params: Any) -> Record:
        """Serve ListHyperParameterTuningJobs, by name unless asked otherwise."""
        params = {"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": _PAGE, **params}
        records = [self._with_strategy(record) for record in self._table.records()]
        member = "HyperParameterTuningJobSummaries"
        return listing(records, params, name=_NAME, status=_STATUS, member=member, fields=_LISTED)

    def list_training_jobs_for_hyper_parameter_tuning_job(self, call: Call, **params: Any) -> Record:
        """Serve ListTrainingJobsForHyperParameterTuningJob, by name and ascending unless asked otherwise."""
        wanted = params.get("StatusEquals")
        found = [
            summary
            for summary in self.summaries(params[_NAME])
            if wanted in (None, summary["TrainingJobStatus"])
        ]
        by = _ORDERS[params.get("SortBy", "Name")]
        if params.get("SortBy") == "FinalObjectiveMetricValue":
            found = [summary for summary in found if _FINAL in summary]
        found.sort(key=by, reverse=params.get("SortOrder") == "Descending")
        start, size = int(params.get("NextToken") or 0), int(params.get("MaxResults", _PAGE))
        told: Record = {"TrainingJobSummaries": found[start : start + size]}
        if start + size < len(found):
            told["NextToken"] = str(start + size)
        return told

    def describe(self, name: str) -> Record:
        """Give all that is known of a tuning job."""
        record = self._with_counters(self._table.get(name))
        plan = self._plans[record[_NAME]]
        found = best(self._runs[record[_NAME]].trials(), maximize=plan.maximize)
        if found:
            record["BestTrainingJob"] = found.summary(*_words(plan))
        end = record.get("HyperParameterTuningEndTime") or now()
        seconds = round((end - record["CreationTime"]).total_seconds())
        record["ConsumedResources"] = {"RuntimeInSeconds": seconds}
        return answer("DescribeHyperParameterTuningJob", record)

    def summaries(self, name: str) -> list[Record]:
        """Give the training jobs of a tuning job in the order in which they were started."""
        name = self._table.get(name)[_NAME]
        return [trial.summary(*_words(self._plans[name])) for trial in self._runs[name].trials()]

    def stop(self, name: str) -> None:
        """Stop a tuning job and its training jobs; one that has ended is left as it is."""
        record = self._table.get(name)
        if record[_STATUS] == "InProgress":
            self._table.update(record[_NAME], **{_STATUS: "Stopping"}, LastModifiedTime=now())
            self._emit(record[_NAME])
            self._runs[record[_NAME]].stop()

    def close(self) -> None:
        """Start no training job any more."""
        for run in list(self._runs.values()):
            run.stop()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def _check_role(self, role: str, name: str) -> None:
        try:
            self._cloud.service_credentials(role, SERVICE, name)
        except AwsError as error:
            message = f"Could not assume role {role}: {error.message}"
            raise AwsError("ValidationException", message) from error

    def _run(self, name: str) -> None:
        end = self._runs[name].run()
        at = now()
        self._table.update(
            name,
            **{_STATUS: end.status, "FailureReason": end.reason and end.reason[:LONGEST_REASON]},
            HyperParameterTuningEndTime=at,
            LastModifiedTime=at,
        )
        self._emit(name)

    def _with_counters(self, record: Record) -> Record:
        return {**record, **counters(self._runs[record[_NAME]].trials())}

    def _with_strategy(self, record: Record) -> Record:
        config = record["HyperParameterTuningJobConfig"]
        more = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
        return {**self._with_counters(record), **more}

    def _emit(self, name: str) -> None:
        detail = in_milliseconds(self.describe(name))
        arn = detail["HyperParameterTuningJobArn"]
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self._tags.of(arn)}
        emit(self._cloud, "HyperParameter Tuning Job State Change", detail, [arn])


_FINAL = "FinalHyperParameterTuningJobObjectiveMetric"
_ORDERS: dict[str, Callable[[Record], Any]] = {
    "Name": lambda summary: summary["TrainingJobName"],
    "CreationTime": lambda summary: summary["CreationTime"],
    "Status": lambda summary: summary["TrainingJobStatus"],
    "FinalObjectiveMetricValue": lambda summary: summary[_FINAL]["Value"],
}


def _words(plan: Plan) -> tuple[str, str, str | None]:
    kind = "Maximize" if plan.maximize else "Minimize"
    return plan.objective, kind, plan.definition.get("DefinitionName")
