"""Labeling executions from upload to feature store, people answering through the API, IAM enforced."""

import hashlib
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from PIL import Image
from waiting import eventually

from config import Edgeline
from local.cloud.addresses import served_at
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from local.demo.workflows import await_first_run
from stacks.data_stack import DataStack
from stacks.labeling_stack import LabelingStack

ROOT = Path(__file__).parents[2]
NAME = "labeling-test"
MODEL = "tags"
BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10}
COUNTS = ("model", "labeled", "relabeled", "quarantined", "unresolved")


@dataclass
class Annotator:
    """Somebody with the annotator policy, who signs requests as the page would."""

    session: Any
    url: str

    def post(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        request = AWSRequest("POST", self.url + path, data=json.dumps(body).encode(),
                             headers={"Content-Type": "application/json"})  # fmt: skip
        SigV4Auth(self.session.get_credentials(), "execute-api", self.session.region_name).add_auth(request)
        signed = urllib.request.Request(  # noqa: S310
            request.url, data=request.body, headers=dict(request.headers), method="POST"
        )
        try:
            with urllib.request.urlopen(signed) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def claim(self, kind: str, limit: int = 50) -> list[dict[str, Any]]:
        status, answer = self.post("tasks/claim", {"kind": kind, "limit": limit})
        assert status == 200, answer
        return answer["tasks"]

    def wait_for(self, kind: str, limit: int = 50) -> list[dict[str, Any]]:
        return eventually(lambda: self.claim(kind, limit))

    def answer(self, task: dict[str, Any], body: Any) -> tuple[int, dict[str, Any]]:
        return self.post(f"tasks/{task['task_id']}/answer", body)

    def answers(self, kind: str, body: Any, *, count: int) -> None:
        """Give the same answer to `count` tasks."""
        for _ in range(count):
            [task] = self.wait_for(kind, 1)
            assert self.answer(task, body) == (200, {"accepted": True})


def picture(seed: int, file_format: str = "JPEG", mode: str = "RGB") -> bytes:
    """60x40 pixels; no two seeds have the same bytes, also after JPEG has rounded the colours."""
    bits = bytes(255 * (seed >> bit & 1) for bit in range(16))
    stream = io.BytesIO()
    blocks = Image.frombytes("L", (4, 4), bits).resize((60, 40), Image.Resampling.NEAREST)
    blocks.convert(mode).save(stream, file_format)
    return stream.getvalue()


class Line:
    """The deployed labeling part, and the people around it."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, dict[str, str]]) -> None:
        data, labeling = outputs[f"{NAME}-data"], outputs[f"{NAME}-labeling"]
        self.images, self.artifacts = data["ImagesBucket"], data["ArtifactsBucket"]
        self.machine = labeling["StateMachineArn"]
        self._uploads = cloud.session(cloud.user(f"{NAME}-uploader", [data["UploaderPolicyArn"]])).client(
            "s3"
        )
        operator = cloud.session(cloud.user(f"{NAME}-operator", [labeling["OperatorPolicyArn"]]))
        self.states, self._reads = operator.client("stepfunctions"), operator.client("s3")
        self.root = cloud.root_session()
        self.ann, self.bob = (
            Annotator(
                cloud.session(cloud.user(f"{NAME}-{name}", [labeling["AnnotatorPolicyArn"]])),
                served_at(cloud.url, labeling["ApiUrl"]),
            )
            for name in ("ann", "bob")
        )
        self.table = self.root.resource("dynamodb").Table(self._table_name())
        self._pictures = 0

    def _table_name(self) -> str:
        stacks = self.root.client("cloudformation")
        resources = stacks.describe_stack_resources(StackName=f"{NAME}-labeling")["StackResources"]
        [name] = [
            resource["PhysicalResourceId"]
            for resource in resources
            if resource["ResourceType"] == "AWS::DynamoDB::Table"
        ]
        return str(name)

    def upload(self, name: str, content: bytes | None = None, **metadata: str) -> str:
        """Upload a picture, by default one like no other; return its URI."""
        self._pictures += 1
        body = picture(self._pictures) if content is None else content
        key = f"images/{MODEL}/{name}"
        self._uploads.put_object(Bucket=self.images, Key=key, Body=body, Metadata=metadata)
        return f"s3://{self.images}/{key}"

    def start(self) -> str:
        arn = self.states.start_execution(stateMachineArn=self.machine, input=json.dumps({"model": MODEL}))
        return str(arn["executionArn"])

    @contextmanager
    def rounds_last(self, *, seconds: int) -> Iterator[None]:
        """Let rounds end sooner than the configuration can say."""
        states = self.root.client("stepfunctions")
        definition = states.describe_state_machine(stateMachineArn=self.machine)["definition"]
        shorter = definition.replace('"TimeoutSeconds":259200', f'"TimeoutSeconds":{seconds}')
        assert shorter != definition
        states.update_state_machine(stateMachineArn=self.machine, definition=shorter)
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=self.machine, definition=definition)

    def has_ended(self, execution: str) -> bool:
        return bool(self.states.describe_execution(executionArn=execution)["status"] != "RUNNING")

    def answer_all(self) -> int:
        """Ann labels and Bob approves what there is just now; how much that was."""
        labels, verdicts = self.ann.claim("label"), self.bob.claim("verify")
        for task in labels:
            self.ann.answer(task, {"boxes": []})
        for task in verdicts:
            self.bob.answer(task, {"verdict": "approve"})
        return len(labels) + len(verdicts)

    def result(self, execution: str) -> dict[str, Any]:
        eventually(lambda: self.has_ended(execution))
        found = self.states.describe_execution(executionArn=execution)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])

    def lines(self, uri: str) -> list[dict[str, Any]]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self._reads.get_object(Bucket=bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def has_object(self, prefix: str, suffix: str) -> bool:
        """Whether the artifacts bucket has such an object."""
        listed = self.root.client("s3").list_objects_v2(Bucket=self.artifacts, Prefix=prefix)
        return any(found["Key"].endswith(suffix) for found in listed.get("Contents", []))

    def item(self, uri: str) -> dict[str, Any]:
        """The image as the ledger knows it."""
        key = {"pk": f"IMAGES#{MODEL}", "sk": uri.split("/", 3)[3]}
        return self.table.get_item(Key=key, ConsistentRead=True).get("Item", {})


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("assembly")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
    config = replace(Edgeline.read(ROOT / "edgeline.toml"), name=NAME)
    data = DataStack(app, "Data", config=config)
    LabelingStack(
        app, "Labeling", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    app.synth()
    outputs = deploy(folder, cloud)
    # It has no pictures to find, and must not find those of the tests.
    codepipeline = cloud.root_session().client("codepipeline")
    await_first_run(codepipeline, outputs[f"{NAME}-labeling"]["LabelingPipeline"])
    return Line(cloud, outputs)


def test_a_picture_is_labelled_by_one_and_verified_by_another(line: Line) -> None:
    content = picture(4711)
    uri = line.upload("whole/first.jpg", content, group="tag-7")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    assert {name: task[name] for name in ("kind", "image_uri", "width", "height", "classes")} == {
        "kind": "label", "image_uri": uri, "width": 60, "height": 40, "classes": ["scratch"],
    }  # fmt: skip
    with urllib.request.urlopen(task["image_url"]) as image:  # noqa: S310
        assert image.read() == content
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    [verify] = line.bob.wait_for("verify")
    assert verify["boxes"] == [BOX]
    assert line.ann.claim("verify") == []
    assert line.bob.answer(verify, {"verdict": "approve"})[0] == 200
    result = line.result(execution)
    assert {name: result[name] for name in COUNTS} == {
        "model": MODEL, "labeled": 1, "relabeled": 0, "quarantined": 0, "unresolved": 0,
    }  # fmt: skip
    [labeled] = line.lines(result["manifest"])
    assert labeled["source-ref"] == uri
    assert labeled["sha256"] == hashlib.sha256(content).hexdigest()
    assert labeled["object-group"] == "tag-7"
    assert labeled["labels"]["annotations"] == [
        {"class_id": 0, "left": 4, "top": 3, "width": 20, "height": 10}
    ]
    assert line.item(uri)["status"] == "labeled"
    eventually(lambda: line.has_object("feature-store/", ".parquet"))


def test_a_second_execution_finds_nothing_more_to_label(line: Line) -> None:
    uri = line.upload("once.jpg")
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(execution)["labeled"] == 1
    assert line.result(line.start()) == {
        "model": MODEL, "labeled": 0, "relabeled": 0, "quarantined": 0, "unresolved": 0, "manifest": None,
        "quarantine": None,
    }  # fmt: skip
    assert line.item(uri)["status"] == "labeled"


def test_what_is_rejected_is_labelled_again(line: Line) -> None:
    uris = {line.upload(f"rejected/{number}.jpg") for number in range(3)}
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=3)
    for number, task in enumerate(line.bob.wait_for("verify")):
        verdict = {"verdict": "reject", "reason": "a scratch is missing"} if number == 1 else None
        line.bob.answer(task, verdict or {"verdict": "approve"})
    [again] = line.bob.wait_for("label")
    assert again["rejected"] == {"boxes": [], "reason": "a scratch is missing"}
    line.bob.answer(again, {"boxes": [BOX]})
    assert line.bob.claim("verify") == []
    line.ann.answers("verify", {"verdict": "approve"}, count=1)
    result = line.result(execution)
    assert (result["labeled"], result["relabeled"]) == (3, 1)
    manifest = {row["source-ref"]: row["labels"]["annotations"] for row in line.lines(result["manifest"])}
    assert set(manifest) == uris
    assert manifest[again["image_uri"]] == [{"class_id": 0, "left": 4, "top": 3, "width": 20, "height": 10}]


def test_after_the_last_rejection_an_image_is_unresolved_and_free(line: Line) -> None:
    uri = line.upload("disputed.jpg")
    execution = line.start()
    for _ in range(3):
        line.ann.answers("label", {"boxes": []}, count=1)
        line.bob.answers("verify", {"verdict": "reject", "reason": "no"}, count=1)
    result = line.result(execution)
    assert (result["labeled"], result["unresolved"], result["manifest"]) == (0, 1, None)
    [row] = line.lines(result["quarantine"])
    assert (row["source-ref"], row["reason"]) == (uri, "rejected in the last round: no")
    again = line.start()
    [task] = line.ann.wait_for("label")
    assert task["image_uri"] == uri
    line.ann.answer(task, {"unusable": "nobody can tell"})
    result = line.result(again)
    assert (result["quarantined"], result["unresolved"]) == (1, 0)
    [row] = line.lines(result["quarantine"])
    assert row["reason"] == "unusable: nobody can tell"


def test_what_cannot_be_used_is_set_aside_with_the_reason(line: Line) -> None:
    whole = picture(9001)
    good = line.upload("bad/a.jpg", whole)
    expected = {
        line.upload("bad/b.jpg", whole): f"the same bytes as {good}",
        line.upload("bad/c.jpg", b""): "the file is empty",
        line.upload("bad/d.jpg", whole[: len(whole) // 2]): "JPEG: the file is cut off",
        line.upload("bad/e.csv", b"file,label\n"): "this file is not one of JPEG, PNG, WebP and BMP",
    }
    used = {
        good,
        line.upload("bad/f.jpg", picture(9002, "PNG", "RGBA")),
        line.upload("bad/g.png", picture(9003, "PNG", "L")),
        line.upload("bad/h.jpg", picture(9004, "JPEG", "CMYK")),
    }
    execution = line.start()
    line.ann.answers("label", {"boxes": []}, count=4)
    line.bob.answers("verify", {"verdict": "approve"}, count=4)
    result = line.result(execution)
    assert (result["labeled"], result["quarantined"]) == (4, 4)
    assert {row["source-ref"] for row in line.lines(result["manifest"])} == used
    reasons = {row["source-ref"]: row["reason"] for row in line.lines(result["quarantine"])}
    assert set(reasons) == set(expected)
    assert all(reasons[uri].startswith(reason) for uri, reason in expected.items())
    assert line.result(line.start())["quarantine"] is None


def test_two_executions_at_once_share_the_images_and_label_none_twice(line: Line) -> None:
    uris = {line.upload(f"shared/{number}.jpg") for number in range(6)}
    executions = [line.start(), line.start()]
    eventually(lambda: line.answer_all() == 0 and all(map(line.has_ended, executions)))
    results = [line.result(execution) for execution in executions]
    manifests = [result["manifest"] for result in results if result["manifest"]]
    written = [row["source-ref"] for manifest in manifests for row in line.lines(manifest)]
    assert sorted(written) == sorted(uris)


def test_the_images_of_an_execution_that_was_stopped_are_labelled_by_the_next(line: Line) -> None:
    uri = line.upload("stopped.jpg")
    stopped = line.start()
    [task] = line.ann.wait_for("label")
    line.root.client("stepfunctions").stop_execution(executionArn=stopped)
    execution = line.start()
    eventually(lambda: line.item(uri)["execution"] == execution)
    status, refusal = line.ann.answer(task, {"boxes": []})
    assert (status, refusal["message"][:17]) == (409, "the round is over")
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    result = line.result(execution)
    assert [row["source-ref"] for row in line.lines(result["manifest"])] == [uri]


def test_an_answer_is_taken_once_and_from_who_holds_the_task(line: Line) -> None:
    line.upload("answers.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    assert line.bob.claim("label") == []
    assert [held["task_id"] for held in line.ann.claim("label")] == [task["task_id"]]
    assert line.bob.answer(task, {"boxes": []})[0] == 403
    assert line.ann.answer({"task_id": "0123456789abcdef-1"}, {"boxes": []})[0] == 404
    status, refusal = line.ann.answer(task, {"boxes": [{**BOX, "left": 55}]})
    assert (status, refusal["message"][:30]) == (400, "box 1: horizontally it spans 5")
    assert line.ann.answer(task, {"boxes": [{**BOX, "label": "dent"}]})[0] == 400
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    assert line.ann.answer(task, {"boxes": [BOX]}) == (200, {"accepted": True})
    assert line.ann.answer(task, {"boxes": []})[0] == 409
    [verify] = line.bob.wait_for("verify")
    assert line.ann.answer(verify, {"verdict": "approve"})[0] == 403
    assert line.bob.answer(verify, {"boxes": []})[0] == 400
    assert line.bob.answer(verify, {"verdict": "approve"})[0] == 200
    assert line.result(execution)["labeled"] == 1


def test_a_lease_that_ran_out_goes_to_the_next_person(line: Line) -> None:
    line.upload("lease.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    round_id, number = task["task_id"].split("-")
    line.table.update_item(
        Key={"pk": f"ROUND#{round_id}", "sk": f"TASK#{int(number):06d}"},
        UpdateExpression="SET available_at = :past",
        ExpressionAttributeValues={":past": int(time.time()) - 1},
    )
    [same] = line.bob.claim("label")
    assert same["task_id"] == task["task_id"]
    assert line.ann.answer(task, {"boxes": []})[0] == 403
    assert line.bob.answer(same, {"boxes": []})[0] == 200
    line.ann.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(execution)["labeled"] == 1


def test_an_answer_that_the_state_machine_was_not_told_of_is_made_up_for(line: Line) -> None:
    line.upload("untold.jpg")
    execution = line.start()
    [task] = line.ann.wait_for("label")
    round_id, number = task["task_id"].split("-")
    key = {"pk": f"ROUND#{round_id}", "sk": f"TASK#{int(number):06d}"}
    # What a function leaves that is ended between the write and the call.
    line.table.update_item(
        Key=key,
        UpdateExpression="SET answer = :answer, answered_by = lessee, answered_at = :now REMOVE #queue",
        ExpressionAttributeNames={"#queue": "queue"},
        ExpressionAttributeValues={":answer": '{"boxes": []}', ":now": "2026-11-21T00:00:00Z"},
    )
    line.table.update_item(
        Key={"pk": key["pk"], "sk": "ROUND"},
        UpdateExpression="ADD answered :one",
        ExpressionAttributeValues={":one": 1},
    )
    line.ann.claim("label")
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(execution)["labeled"] == 1


def test_an_overwritten_image_is_labelled_anew(line: Line) -> None:
    for number in range(2):
        uri = line.upload("overwritten.jpg", picture(7000 + number))
        execution = line.start()
        line.ann.answers("label", {"boxes": []}, count=1)
        line.bob.answers("verify", {"verdict": "approve"}, count=1)
        [row] = line.lines(line.result(execution)["manifest"])
        assert row["source-ref"] == uri
        assert row["sha256"] == hashlib.sha256(picture(7000 + number)).hexdigest()


def test_a_round_that_nobody_finishes_goes_on_as_far_as_it_came(line: Line) -> None:
    uris = {line.upload("timed/first.jpg"), line.upload("timed/second.jpg")}
    with line.rounds_last(seconds=15):
        execution = line.start()
        line.ann.answers("label", {"boxes": []}, count=1)
        line.bob.answers("verify", {"verdict": "approve"}, count=1)
        result = line.result(execution)
    assert (result["labeled"], result["unresolved"]) == (1, 1)
    [labeled] = line.lines(result["manifest"])
    [left] = line.lines(result["quarantine"])
    assert {labeled["source-ref"], left["source-ref"]} == uris
    assert left["reason"] == "nobody labelled it while the round was open"
    assert line.ann.claim("label") == []
    again = line.start()
    line.ann.answers("label", {"boxes": []}, count=1)
    line.bob.answers("verify", {"verdict": "approve"}, count=1)
    assert line.result(again)["labeled"] == 1


def test_an_execution_for_an_unknown_model_fails_by_name(line: Line) -> None:
    started = line.states.start_execution(stateMachineArn=line.machine, input='{"model": "tag"}')
    eventually(lambda: line.has_ended(started["executionArn"]))
    found = line.states.describe_execution(executionArn=started["executionArn"])
    assert (found["status"], found["error"]) == ("FAILED", "UnknownModel")
    assert "'tag' is not a model" in found["cause"]
