"""Reads what came of one round's two labeling jobs of Ground Truth, and lists what has to be labelled again.

In:  {"execution", "model", "classes", "round": n}
Out: the same with round n + 1, "count": how many images have another round, "disputed": 0 and "suggestions".
     What came of each image is in `Lists.answers(n)`, in the same form as from the workbench (judgement.py);
     those of the next round are in `Lists.images(n + 1)`.

What succeeded is taken, whatever became of the job as a whole; the rest has another round. JobNotOver while
a job still runs.
"""

from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.ground_truth_judgement import Ended, Round, outcomes
from lambdas.labeling.job_results import JobResults, workers
from lambdas.labeling.judgement import for_next_round
from lambdas.labeling.labeling_jobs import NUMBER, LabelingJob
from lambdas.labeling.payloads import PATIENT, Lists

_OVER = ("Completed", "Failed", "Stopped")
_SUGGESTIONS = {"suggested": 0, "of": 0, "reason": "Ground Truth is given no suggestions"}


class JobNotOver(Exception):  # noqa: N818 - the state machine waits by this name
    """A labeling job still runs, or still stops."""


@dataclass(frozen=True)
class Environment:
    """The bucket of the lists, how jobs are named, and how often an image is asked about."""

    artifacts_bucket: str
    job_prefix: str
    max_rounds: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Read both jobs and write both lists."""
    del context
    env, number = environment.read(Environment), event["round"]
    s3, sagemaker = boto3.client("s3", config=PATIENT), boto3.client("sagemaker", config=PATIENT)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    this = Round(
        number=number,
        is_last=number >= env.max_rounds,
        classes=tuple(event["classes"]),
        label=_job(s3, sagemaker, LabelingJob("label", lists, number, env.job_prefix)),
        verify=_job(s3, sagemaker, LabelingJob("verify", lists, number, env.job_prefix)),
    )
    rows = list(outcomes(json_lines.read(s3, lists.images(number)), this))
    json_lines.write(s3, lists.answers(number), rows)
    count = json_lines.write(s3, lists.images(number + 1), for_next_round(rows))
    passed_on = {name: event[name] for name in ("execution", "model", "classes")}
    return {**passed_on, "round": number + 1, "count": count, "disputed": 0, "suggestions": _SUGGESTIONS}


def _job(s3: Any, sagemaker: Any, job: LabelingJob) -> Ended:
    """What a job came to; one that was not made, as there was nothing to ask, came to nothing."""
    numbers = [line[NUMBER] for line in json_lines.read(s3, job.file("input.manifest"))]
    if not numbers:
        return Ended(JobResults(job, iter(())), {})
    described = sagemaker.describe_labeling_job(LabelingJobName=job.name)
    status = described["LabelingJobStatus"]
    if status not in _OVER:
        raise JobNotOver(f"the labeling job {job.name} is {status}")
    reason = "" if status == "Completed" else f"the labeling job {job.name} {status.lower()}"
    if described.get("FailureReason"):
        reason = f"{reason or job.name}: {described['FailureReason']}"
    return Ended(JobResults.read(s3, job), workers(s3, job, numbers), reason)
