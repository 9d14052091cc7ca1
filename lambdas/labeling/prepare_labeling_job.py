"""Writes what a labeling job of Ground Truth is given, and the request for it; the state machine makes it.

In:  {"kind": "label" | "verify", "execution", "model", "classes", "round": n}
Out: {"count": pictures of the job, "request": the arguments of CreateLabelingJob | null where there are none}

A label job asks about the images of `Lists.images(n)` without a label, a verify job about those that have
one: from this round's label job, or kept from an earlier round.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.common.objects import read_json, split_uri
from lambdas.labeling.job_results import JobResults
from lambdas.labeling.labeling_jobs import NUMBER, REJECTED, LabelingJob, Settings, request
from lambdas.labeling.manifest import manifest_line
from lambdas.labeling.payloads import PATIENT, Lists
from lambdas.labeling.task_templates import categories, template


@dataclass(frozen=True)
class Environment:
    """`job_prefix` begins the names of all jobs; the guide is in the images bucket."""

    artifacts_bucket: str
    images_bucket: str
    job_prefix: str
    job_role_arn: str
    key_arn: str
    workteam_arn: str
    verification_workteam_arn: str
    annotators: int
    round_timeout_hours: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write the input manifest, the categories and the workers' page."""
    del context
    env, classes = environment.read(Environment), event["classes"]
    s3 = boto3.client("s3", config=PATIENT)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    job = LabelingJob(event["kind"], lists, event["round"], env.job_prefix)
    images = json_lines.read(s3, lists.images(job.number))
    if job.kind == "label":
        lines = to_label(images)
    else:
        label_job = LabelingJob("label", lists, job.number, env.job_prefix)
        lines = to_verify(images, JobResults.read(s3, label_job).fields, classes, job=lists.name)
    count = json_lines.write(s3, job.file("input.manifest"), lines)
    if not count:
        return {"count": 0, "request": None}
    _put(s3, job.file("categories.json"), json.dumps(categories(job.kind, classes)))
    told = instructions(s3, env.images_bucket, lists.model)
    _put(s3, job.file("template.liquid"), template(job.kind, classes, told))
    return {"count": count, "request": request(job, _settings(env))}


def to_label(images: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The input lines of the images that nobody has labelled, each with its number in the round's list."""
    for number, image in enumerate(images, start=1):
        if "labeled" not in image:
            rejected = {REJECTED: image["rejected"]["reason"]} if image.get("rejected") else {}
            yield {"source-ref": image["uri"], NUMBER: number, **rejected}


def to_verify(
    images: Iterator[dict[str, Any]],
    labeled: Mapping[int, Mapping[str, Any]],
    classes: list[str],
    *,
    job: str,
) -> Iterator[dict[str, Any]]:
    """The input lines of the images with a label: the job's own lines, or ones made of what was kept."""
    for number, image in enumerate(images, start=1):
        if number in labeled:
            yield dict(labeled[number])
        elif "labeled" in image:
            kept = {**image, **image["labeled"], "round": 0}
            kept["at"] = kept["at"] or "1970-01-01T00:00:00Z"
            line = manifest_line(kept, classes=classes, job=job)
            names = ("source-ref", "labels", "labels-metadata")
            yield {**{name: line[name] for name in names}, NUMBER: number}


def instructions(s3: Any, images_bucket: str, model: str) -> dict[str, str]:
    """What people are told of each class, from the guide that the deployment published."""
    guide = read_json(s3, f"s3://{images_bucket}/examples/guide.json")
    return {one["name"]: one["instructions"] for one in guide.get(model, [])}


def _settings(env: Environment) -> Settings:
    return Settings(
        region=os.environ["AWS_REGION"],
        role_arn=env.job_role_arn,
        key_arn=env.key_arn,
        workteam_arn=env.workteam_arn,
        verification_workteam_arn=env.verification_workteam_arn,
        annotators=env.annotators,
        timeout_hours=env.round_timeout_hours,
    )


def _put(s3: Any, uri: str, text: str) -> None:
    bucket, key = split_uri(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
