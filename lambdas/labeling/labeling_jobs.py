"""Labeling jobs of SageMaker Ground Truth: their names, files and requests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lambdas.labeling.ground_truth_regions import functions
from lambdas.labeling.payloads import Lists

JobKind = Literal["label", "verify"]
# The attributes of the augmented manifest; `labels` is that of our own manifests too.
ATTRIBUTES: Mapping[str, str] = {"label": "labels", "verify": "verdict"}
NUMBER, REJECTED = "edgeline-number", "edgeline-rejected"

_TITLES = {"label": "Draw boxes: {model}", "verify": "Check boxes: {model}"}
_TASKS = {
    "label": "Draw a box around every object of a class.",
    "verify": "Say whether the boxes that somebody else drew are right.",
}
_TASK_SECONDS = 3600
_LONGEST_SECONDS = 30 * 24 * 3600  # that Ground Truth offers a task to a private or vendor team
_LONGEST_NAME = 63
_AT_ONCE = 1000  # pictures; more is a quota


@dataclass(frozen=True)
class LabelingJob:
    """The job of one kind for one round of an execution; its name follows from these, and no other has it."""

    kind: JobKind
    lists: Lists
    number: int
    prefix: str

    @property
    def name(self) -> str:
        """Starts with the prefix, which the state machine's rights name."""
        subject = f"{self.lists.execution}/{self.kind}/{self.number}"
        ending = f"-{self.kind}-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
        return f"{self.prefix}-{self.lists.model}"[: _LONGEST_NAME - len(ending)].rstrip("-") + ending

    @property
    def output(self) -> str:
        """URI of the folder under which jobs of this execution have theirs."""
        return self.lists.images(self.number).rsplit("/", 1)[0] + "/ground-truth"

    @property
    def folder(self) -> str:
        """URI of what the job writes: manifests/output/output.manifest, annotations/..."""
        return f"{self.output}/{self.name}"

    def file(self, name: str) -> str:
        """URI of a file that the job is given."""
        return f"{self.output}/{self.kind}-{self.number}-{name}"


@dataclass(frozen=True)
class Settings:
    """What all jobs of a deployment have in common; `annotators` is how many label each picture."""

    region: str
    role_arn: str
    key_arn: str
    workteam_arn: str
    verification_workteam_arn: str
    annotators: int
    timeout_hours: int


def request(job: LabelingJob, settings: Settings) -> dict[str, Any]:
    """The arguments of CreateLabelingJob; raises NoGroundTruth for a region without it."""
    return {
        "LabelingJobName": job.name,
        "LabelAttributeName": ATTRIBUTES[job.kind],
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": job.file("input.manifest")}}},
        "OutputConfig": {"S3OutputPath": f"{job.output}/", "KmsKeyId": settings.key_arn},
        "RoleArn": settings.role_arn,
        "LabelCategoryConfigS3Uri": job.file("categories.json"),
        "HumanTaskConfig": _human_task(job, settings),
        "Tags": [{"Key": "part", "Value": "labeling"}, {"Key": "model", "Value": job.lists.model}],
    }


def _human_task(job: LabelingJob, settings: Settings) -> dict[str, Any]:
    before, after = functions(settings.region, job.kind)
    labels = job.kind == "label"
    return {
        "WorkteamArn": settings.workteam_arn if labels else settings.verification_workteam_arn,
        "UiConfig": {"UiTemplateS3Uri": job.file("template.liquid")},
        "PreHumanTaskLambdaArn": before,
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": after},
        "TaskKeywords": ["images", "bounding boxes"],
        "TaskTitle": _TITLES[job.kind].format(model=job.lists.model),
        "TaskDescription": _TASKS[job.kind],
        "NumberOfHumanWorkersPerDataObject": settings.annotators if labels else 1,
        "TaskTimeLimitInSeconds": _TASK_SECONDS,
        "TaskAvailabilityLifetimeInSeconds": min(settings.timeout_hours * 3600, _LONGEST_SECONDS),
        "MaxConcurrentTaskCount": _AT_ONCE,
    }
