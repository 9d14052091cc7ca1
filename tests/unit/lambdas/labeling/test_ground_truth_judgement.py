"""What becomes of pictures whose jobs succeeded, failed in part, or ended early; output in its real form."""

import json
from typing import Any

import pytest

from lambdas.labeling.augmented_manifest import Line, read_line
from lambdas.labeling.ground_truth_judgement import Ended, Round, outcomes
from lambdas.labeling.job_results import JobResults, Worker, workers
from lambdas.labeling.judgement import for_next_round
from lambdas.labeling.labeling_jobs import NUMBER, LabelingJob
from lambdas.labeling.manifest import feature_record, manifest_line
from lambdas.labeling.payloads import Lists

LISTS = Lists("artifacts", "tags", "arn:aws:states:eu-west-1:111122223333:execution:labeling:0f3c")
LABEL, VERIFY = (LabelingJob(kind, LISTS, 1, "edgeline") for kind in ("label", "verify"))  # type: ignore[arg-type]
BOX = {"label": "scratch", "left": 1.5, "top": 2, "width": 3, "height": 4}


def image(number: int, **more: Any) -> dict[str, Any]:
    uri = f"s3://images/images/tags/{number}.jpg"
    return {"uri": uri, "sha256": "ab", "width": 60, "height": 40, "depth": 3, "object_group": "", **more}


def drawn(number: int, *, size: tuple[int, int] = (60, 40), left: Any = 1.5, **metadata: Any) -> Line:
    fields = {
        "source-ref": f"s3://images/images/tags/{number}.jpg",
        NUMBER: number,
        "labels": {
            "image_size": [{"width": size[0], "height": size[1], "depth": 3}],
            "annotations": [{"class_id": "0", "left": left, "top": 2, "width": 3, "height": 4}],
        },
        "labels-metadata": {
            "objects": [{"confidence": 0.0}], "class-map": {"0": "scratch"}, "job-name": "labeling-job/x",
            "type": "groundtruth/object-detection", "human-annotated": "yes",
            "creation-date": "2026-11-01T10:00:00.123456", **metadata,
        },
    }  # fmt: skip
    return read_line(number, json.dumps(fields))


def judged(number: int, verdict: str, *comments: str, **metadata: Any) -> Line:
    fields = {
        **drawn(number).fields,
        "verdict": "0",
        "verdict-metadata": {
            "class-name": verdict, "confidence": 0.9, "type": "groundtruth/label-verification",
            "job-name": "labeling-job/y", "creation-date": "2026-11-02T10:00:00.5",
            "worker-feedback": [{"comment": comment} for comment in comments], **metadata,
        },
    }  # fmt: skip
    return read_line(number, json.dumps(fields))


def ended(job: LabelingJob, *lines: Line, by: str = "", ending: str = "") -> Ended:
    results = JobResults(job, iter(lines))
    people = {number: [Worker(by, 12.4)] for number in results.labels} if by else {}
    return Ended(results, people, ending)


def judge(images: list[dict[str, Any]], label: Ended, verify: Ended, *, last: bool = False) -> Any:
    this = Round(1, last, ("scratch",), label, verify)
    return list(outcomes(images, this))


def test_what_two_people_agreed_on_is_a_label_with_both_of_them() -> None:
    label, verify = ended(LABEL, drawn(1), by="ann"), ended(VERIFY, judged(1, "approve"), by="bob")
    [outcome] = judge([image(1)], label, verify)
    assert (outcome["outcome"], outcome["boxes"]) == ("approved", [BOX])
    assert outcome["annotators"] == {"labeled": ["ann"], "verified": ["bob"]}
    assert (outcome["at"], outcome["seconds"], outcome["round"]) == ("2026-11-02T10:00:00Z", 25, 1)
    record = {f["FeatureName"]: f["ValueAsString"] for f in
              feature_record(outcome, model="tags", job="0f3c", classes=["scratch"])}  # fmt: skip
    assert (record["labeled_by"], record["verified_by"], record["status"]) == ("ann", "bob", "approved")
    assert manifest_line(outcome, classes=["scratch"], job="0f3c")["labels"]["annotations"][0]["left"] == 1.5


@pytest.mark.parametrize(
    ("label", "verify", "reason"),
    [
        ((), (), "nobody labelled it while its job was open"),
        ((drawn(1, **{"failure-reason": "Error: no\nbytes"}),), (), "labeling failed: Error: no bytes"),
        ((drawn(1, **{"class-map": {}}),), (), "labeling failed: a box has the class id 0, which"),
        ((drawn(1, left=500),), (), "its label cannot be taken: box 1: horizontally it spans 500 to 503"),
        ((drawn(1, size=(40, 60)),), (), "its label cannot be taken: it is for 40 x 60 pixels"),
        ((drawn(1),), (), "nobody verified its label while its job was open"),
        ((drawn(1),), (judged(1, "approve", **{"failure-reason": "expired"}),), "expired"),
    ],
)  # fmt: skip
def test_what_did_not_succeed_has_another_round_and_a_reason(label: Any, verify: Any, reason: str) -> None:
    """The second picture succeeds, so that the round is worth repeating."""
    both = ended(LABEL, *label, drawn(2), by="ann"), ended(VERIFY, *verify, judged(2, "approve"), by="bob")
    first, second = judge([image(1), image(2)], *both)
    assert (first["outcome"], second["outcome"]) == ("unanswered", "approved")
    assert first["reason"].startswith(reason)
    [again] = for_next_round([first, second])
    assert again["uri"] == image(1)["uri"]


def test_a_kept_label_is_not_drawn_again_and_is_approved_later() -> None:
    [first] = judge([image(1)], ended(LABEL, drawn(1), by="ann"), ended(VERIFY))
    [again] = for_next_round([first])
    assert again["labeled"] == {"boxes": [BOX], "by": ["ann"], "at": "2026-11-01T10:00:00Z", "agreement": {}}
    [second] = judge([again], ended(LABEL), ended(VERIFY, judged(1, "approve"), by="bob"))
    assert (second["outcome"], second["labeled_by"], second["seconds"]) == ("approved", "ann", 25)


def test_a_rejected_label_is_drawn_again_with_the_reasons_and_in_the_last_round_left() -> None:
    label, verify = (
        ended(LABEL, drawn(1), by="ann"),
        ended(VERIFY, judged(1, "reject", "wide", "low"), by="bob"),
    )
    [outcome] = judge([image(1)], label, verify)
    assert outcome["outcome"] == "rejected"
    [again] = for_next_round([outcome])
    assert (again["rejected"], again["rejections"]) == ({"boxes": [BOX], "reason": "wide; low"}, 1)
    [last] = judge([image(1)], label, verify, last=True)
    assert (last["outcome"], last["reason"]) == ("unresolved", "rejected in the last round: wide; low")


def test_nobody_verifies_what_they_drew() -> None:
    [outcome] = judge(
        [image(1)], ended(LABEL, drawn(1), by="ann"), ended(VERIFY, judged(1, "approve"), by="ann")
    )
    assert (outcome["outcome"], outcome["reason"]) == ("unanswered", "only who drew its label verified it")
    assert outcome["labeled"]["by"] == ["ann"]


def test_jobs_that_came_to_nothing_are_not_repeated_and_say_why() -> None:
    ending = "the labeling job edgeline-tags-label-0f3c failed: ClientError: the workteam has no members"
    [outcome] = judge([image(1)], ended(LABEL, ending=ending), ended(VERIFY))
    assert (outcome["outcome"], outcome["reason"]) == ("unresolved", ending)


def test_people_without_names_stand_behind_their_job() -> None:
    [outcome] = judge([image(1)], ended(LABEL, drawn(1)), ended(VERIFY, judged(1, "approve")))
    assert outcome["annotators"] == {"labeled": ["job:x"], "verified": ["job:y"]}


class Bucket:
    """As much of an S3 client as reading a job's folder needs."""

    def __init__(self, objects: dict[str, str]) -> None:
        self.objects = objects

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        from io import BytesIO

        from botocore.exceptions import ClientError

        if f"s3://{Bucket}/{Key}" not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": BytesIO(self.objects[f"s3://{Bucket}/{Key}"].encode())}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Any:  # noqa: N803
        keys = [uri.removeprefix(f"s3://{Bucket}/") for uri in self.objects]
        yield {"Contents": [{"Key": key} for key in keys if key.startswith(Prefix)]}


def text(*lines: Line) -> str:
    return "\r\n".join(["\ufeff", *(json.dumps(dict(line.fields)) for line in lines), "{broken"])


def test_a_stopped_job_is_read_from_what_it_wrote_while_it_ran() -> None:
    intermediate = f"{LABEL.folder}/annotations/intermediate/1/annotations.manifest"
    bucket = Bucket({intermediate: text(drawn(1), drawn(3))})
    assert set(JobResults.read(bucket, LABEL).labels) == {1, 3}
    bucket.objects[f"{LABEL.folder}/manifests/output/output.manifest"] = text(drawn(1))
    assert set(JobResults.read(bucket, LABEL).labels) == {1}
    assert JobResults.read(Bucket({}), LABEL).labels == {}


def test_workers_are_found_by_the_line_of_the_input_manifest() -> None:
    """A private team's identity is the user of the pool; a vendor's is a worker's id."""
    private = {
        "workerId": "w1", "timeSpentInSeconds": 40.5, "submissionTime": "2026-11-01T10:00:00.321Z",
        "workerMetadata": {"identityData": {"identityProviderType": "Cognito", "sub": "ann-0f3c"}},
    }  # fmt: skip
    folder = f"{LABEL.folder}/annotations/worker-response/iteration-1"
    found = workers(
        Bucket(
            {
                f"{folder}/0/2026-11-01_10:00:00.json": json.dumps(
                    {"answers": [private, {"workerId": "w2"}]}
                ),
                f"{folder}/1/2026-11-01_10:00:01.json": json.dumps(
                    {"workerId": "w3", "timeSpentInSeconds": 2}
                ),
                f"{folder}/2/odd.json": "[]",
            }
        ),
        LABEL,
        [7, 9, 11],
    )
    assert found == {7: [Worker("ann-0f3c", 40.5), Worker("w2", None)], 9: [Worker("w3", 2.0)], 11: []}
