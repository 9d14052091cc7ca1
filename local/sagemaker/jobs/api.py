"""The operations on processing and training jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.processes import Processes
from local.sagemaker.jobs.jobs import Jobs, OnLogLine
from local.sagemaker.jobs.processing import Processing
from local.sagemaker.jobs.training import Training
from local.sagemaker.table import Record
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


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
