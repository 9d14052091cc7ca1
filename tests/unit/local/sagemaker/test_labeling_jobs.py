"""Labeling jobs with simulated workteams: what is refused, what a stopped job leaves."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from lambdas.labeling.labeling_jobs import LabelingJob, Settings, request
from lambdas.labeling.payloads import Lists
from local.sagemaker.labeling.workteam import Answer, Task

TEAM = "arn:aws:sagemaker:eu-west-1:000000000000:workteam/private-crowd/{}"


def asked(lab: Any, *, kind: Any = "label", pictures: int = 2) -> dict[str, Any]:
    """Put what a job needs into the lab's bucket, and give its request."""
    stream = io.BytesIO()
    Image.new("RGB", (60, 40)).save(stream, "PNG")
    s3 = lab.client("s3")
    lists = Lists(lab.name, "tags", f"arn:aws:states:eu-west-1:000000000000:execution:m:{lab.name}")
    job = LabelingJob(kind, lists, 1, "edgeline")
    lines = []
    for number in range(pictures):
        s3.put_object(Bucket=lab.name, Key=f"images/{number}.png", Body=stream.getvalue())
        lines.append(json.dumps({"source-ref": f"s3://{lab.name}/images/{number}.png"}))
    for name, text in (
        ("input.manifest", "\n".join(lines)),
        ("categories.json", json.dumps({"labels": [{"label": "scratch"}]})),
        ("template.liquid", "<crowd-form></crowd-form>"),
    ):
        key = job.file(name).split("/", 3)[3]
        s3.put_object(Bucket=lab.name, Key=key, Body=text.encode())
    team = TEAM.format(lab.name)
    key_arn = "arn:aws:kms:eu-west-1:000000000000:key/k"
    return request(job, Settings("eu-west-1", lab.role(), key_arn, team, team, 1, 1))


def described(lab: Any, name: str, *statuses: str) -> Any:
    def look() -> Any:
        found = lab.sm.describe_labeling_job(LabelingJobName=name)
        return found if found["LabelingJobStatus"] in statuses else None

    return lab.until(look)


def test_a_team_that_nobody_simulates_is_refused_by_name(lab: Any) -> None:
    with pytest.raises(ClientError, match=r"CreateLabelingJob for arn:.*: no workteam is simulated there"):
        lab.sm.create_labeling_job(**asked(lab))


def test_what_is_not_served_is_refused_by_name(lab: Any) -> None:
    wanted = asked(lab)
    function = "arn:aws:lambda:eu-west-1:568282634449:function:PRE-SemanticSegmentation"
    task = {**wanted["HumanTaskConfig"], "PreHumanTaskLambdaArn": function}
    with pytest.raises(ClientError, match="CreateLabelingJob with PRE-SemanticSegmentation before its tasks"):
        lab.sm.create_labeling_job(**{**wanted, "HumanTaskConfig": task})
    with pytest.raises(ClientError, match="CreateLabelingJob with StoppingConditions"):
        lab.sm.create_labeling_job(**wanted, StoppingConditions={"MaxHumanLabeledObjectCount": 1})


def test_a_stopped_job_has_written_what_was_answered(lab: Any) -> None:
    wanted, reached, goes_on = asked(lab), threading.Event(), threading.Event()

    def team(task: Task) -> Answer:
        if task.number:
            reached.set()
            goes_on.wait(30)
        return Answer("ann", boxes=[{"label": "scratch", "left": 1, "top": 2, "width": 3, "height": 4}])

    lab.plugin.labeling_jobs.teams[TEAM.format(lab.name)] = team
    name = wanted["LabelingJobName"]
    lab.sm.create_labeling_job(**wanted)
    assert reached.wait(30)
    lab.sm.stop_labeling_job(LabelingJobName=name)
    assert described(lab, name, "Stopping")
    goes_on.set()
    ended = described(lab, name, "Stopped")
    assert ended["LabelCounters"]["HumanLabeled"] == 2
    bucket, _, key = ended["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    lines = lab.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    assert json.loads(lines[0])["labels"]["image_size"] == [{"width": 60, "height": 40, "depth": 3}]
    with pytest.raises(ClientError, match="is Stopped, not InProgress"):
        lab.sm.stop_labeling_job(LabelingJobName=name)


def test_a_job_whose_input_is_missing_fails_with_the_reason(lab: Any) -> None:
    wanted = asked(lab)
    lab.plugin.labeling_jobs.teams[TEAM.format(lab.name)] = lambda _: Answer("ann")
    missing = {**wanted, "LabelCategoryConfigS3Uri": f"s3://{lab.name}/nowhere.json"}
    lab.sm.create_labeling_job(**missing)
    ended = described(lab, wanted["LabelingJobName"], "Failed")
    assert "NoSuchKey" in ended["FailureReason"]
