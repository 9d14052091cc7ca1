"""Trainings started and followed by the signed API, deployed in the local cloud, IAM enforced."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starts_line import CHILD, DETECTOR, PARENT, StartsLine
from training_line import ROOT

from local.cloud.addresses import served_at
from local.cloud.server import LocalCloud

NAME = "runs-test"


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> StartsLine:
    return StartsLine(cloud, tmp_path_factory.mktemp("starts"), NAME)


@pytest.fixture(autouse=True)
def _as_usual(line: StartsLine) -> Any:
    yield
    for model in (DETECTOR, PARENT, CHILD):
        line.let_go(model)
        line.tell(model, "register")


def test_what_was_made_with_nothing_to_train_on_says_so(line: StartsLine) -> None:
    first = line.runs(CHILD)[-1]
    found = line.run(CHILD, first)
    assert (found["status"], found["ended"], found["training"]) == ("nothing_started", True, None)
    assert found["reason"] == "there is nothing to train on"


@pytest.mark.parametrize("model", [DETECTOR, CHILD])
def test_a_run_is_started_and_followed_to_its_package(line: StartsLine, model: str) -> None:
    as_of = datetime.now(UTC) - timedelta(hours=1)
    started = line.start(model, {"seed": 3, "as_of": as_of.isoformat()})
    assert started.status == 202, started
    run = started.body["run"]
    assert started.body == {"run": run, "model": model, "status_url": started.headers["Location"]}
    assert served_at(line.cloud.url, started.body["status_url"]) == f"{line.url}models/{model}/runs/{run}"
    found = line.ended(model, run)
    assert (found["status"], found["reason"]) == ("succeeded", None)
    group = f"model-package/{NAME}-{model}/"
    assert group in found["model_package"]
    assert line.sagemaker.describe_model_package(ModelPackageName=found["model_package"])
    assert [stage["stage"] for stage in found["stages"]] == ["Source", "Run"]
    assert [step["status"] for step in found["training"]["steps"]] == ["Succeeded"]
    assert found["asked"]["STARTED_BY"].endswith(f":user/{NAME}-starter")
    given = line.seen(model)
    assert (given["SEED"], given["AS_OF"]) == ("3", as_of.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (given["RUN"], given["LABELS_MANIFEST"], given["ALONE"]) == (run, "none", "none")


def test_a_run_goes_on_while_one_looks(line: StartsLine) -> None:
    line.hold(CHILD)
    run = line.start(CHILD).body["run"]
    found = line.run(CHILD, run)
    assert (found["status"], found["ended"], found["reason"]) == ("starting", False, None)
    line.let_go(CHILD)
    assert line.ended(CHILD, run)["status"] == "succeeded"


def test_a_detector_may_wait_for_labels_and_a_parent_name_its_children(line: StartsLine) -> None:
    manifest = f"s3://{line.data['ArtifactsBucket']}/labels/{DETECTOR}/round-1.manifest"
    line.ended(DETECTOR, line.start(DETECTOR, {"labels_manifest": manifest}).body["run"])
    assert line.seen(DETECTOR)["LABELS_MANIFEST"] == manifest
    line.ended(PARENT, line.start(PARENT, {"children": {CHILD: 2}}).body["run"])
    assert line.seen(PARENT)["CHILDREN"] == f"{CHILD}=2"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("broken", "Error while executing command"),
        ("low", "TooLow: top1 0.4 is below 0.6"),
    ],
)
def test_a_run_that_fails_says_why(line: StartsLine, outcome: str, words: str) -> None:
    line.tell(CHILD, outcome)
    found = line.ended(CHILD, line.start(CHILD).body["run"])
    assert found["status"] == "failed"
    assert words in found["reason"]
    assert found["model_package"] is None


def test_the_same_key_gives_the_same_run_and_takes_no_other_body(line: StartsLine) -> None:
    key = f"nightly-{uuid.uuid4().hex}"
    first = line.start(CHILD, {"seed": 1}, key=key)
    again = line.start(CHILD, {"seed": 1}, key=key)
    assert (again.status, again.body) == (202, first.body)
    other = line.start(CHILD, {"seed": 2}, key=key)
    assert (other.status, "Idempotency-Key" in other.body["message"]) == (409, True)
    assert line.start(PARENT, {"seed": 2}, key=key).status == 202, "a key is the model's"
    line.ended(CHILD, first.body["run"])
    assert line.start(CHILD, {"seed": 1}, key=key).body == first.body, "afterwards too"


@pytest.mark.parametrize(
    "body",
    [
        {"seed": "3"}, {"seed": -1}, {"seed": 2**31}, {"seed": True}, {"unknown": 1}, {"as_of": 3}, [], b"{",
        {"labels_manifest": "https://x"}, {"children": {CHILD: "2"}}, {"children": {CHILD: 0}},
        {"labels_manifest": "s3://another-bucket/labels/tags/x.manifest"}, {"as_of": "yesterday"},
        {"as_of": "2026-11-21T12:00:00"}, {"as_of": "2999-01-01T00:00:00Z"}, {"children": {"tags": 1}},
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_starts_nothing(line: StartsLine, body: Any) -> None:
    before = {model: line.runs(model) for model in (DETECTOR, PARENT)}
    for model in before:
        answer = line.start(model, body) if body else line.ask("POST", f"models/{model}/runs", b"[]")
        assert answer.status == 400, answer
        assert answer.body["message"]
    assert {model: line.runs(model) for model in before} == before


def test_what_the_task_does_not_know_is_refused_in_words(line: StartsLine) -> None:
    manifest = f"s3://{line.data['ArtifactsBucket']}/labels/{CHILD}/x.manifest"
    answer = line.start(CHILD, {"labels_manifest": manifest})
    assert (answer.status, answer.body["message"]) == (
        400, "labels_manifest: unknown; the training of flowers takes: seed, as_of, dataset_manifest",
    )  # fmt: skip


@pytest.mark.parametrize("key", [None, "short", "with blanks in it", "x" * 129])
def test_a_start_needs_a_key(line: StartsLine, key: str | None) -> None:
    answer = line.start(CHILD, {}, key=key)
    assert (answer.status, "Idempotency-Key" in answer.body["message"]) == (400, True)


def test_what_there_is_not_is_named(line: StartsLine) -> None:
    answer = line.start("birds")
    assert (answer.status, answer.body["message"]) == (
        404, "there is no model 'birds'; there are: tags, species, flowers",
    )  # fmt: skip
    run = line.runs(DETECTOR)[0]
    for model, unknown in (("birds", run), (CHILD, run), (CHILD, str(uuid.uuid4())), (CHILD, "x")):
        assert line.ask("GET", f"models/{model}/runs/{unknown}").status == 404
    assert line.ask("GET", "models/birds/runs").status == 404


def test_the_newest_runs_come_first(line: StartsLine) -> None:
    runs = [line.start(CHILD).body["run"] for _ in range(2)]
    for run in runs:
        line.ended(CHILD, run)
    answer = line.ask("GET", f"models/{CHILD}/runs?limit=2")
    assert answer.status == 200, answer
    assert [one["run"] for one in answer.body["runs"]] == runs[::-1]
    assert {one["status"] for one in answer.body["runs"]} == {"succeeded"}
    assert {one["started_by"] for one in answer.body["runs"]} == {line.starter.principal_arn}
    assert all(one["status_url"].endswith(one["run"]) for one in answer.body["runs"])
    for limit in ("0", "21", "x", "-1", "1.5"):
        assert line.ask("GET", f"models/{CHILD}/runs?limit={limit}").status == 400


def test_only_who_has_the_policy_gets_through(line: StartsLine) -> None:
    stranger = line.cloud.user(f"{NAME}-stranger", [])
    before = line.runs(CHILD)
    assert line.start(CHILD, by=stranger).status == 403
    assert line.ask("GET", f"models/{CHILD}/runs", by=stranger).status == 403
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{line.url}models/{CHILD}/runs")  # noqa: S310
    assert refused.value.code == 403
    assert line.runs(CHILD) == before


def test_who_has_the_policy_can_do_nothing_else(line: StartsLine) -> None:
    session = line.cloud.session(line.starter)
    codepipeline = session.client("codepipeline")
    with pytest.raises(codepipeline.exceptions.ClientError, match="AccessDenied"):
        codepipeline.start_pipeline_execution(name=line.workflow(CHILD))
    s3 = session.client("s3")
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=line.data["ArtifactsBucket"])


def command(line: StartsLine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as somebody does who has the starter policy, and sees nothing of this process."""
    keys = {
        "AWS_ACCESS_KEY_ID": line.starter.access_key,
        "AWS_SECRET_ACCESS_KEY": line.starter.secret_key,
        "AWS_REGION": line.cloud.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "RUNS_API_URL": line.url,
        "PATH": os.environ["PATH"],
    }
    python = [sys.executable, "-m", "runs", *arguments]
    return subprocess.run(python, env=keys, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("model", "seed"), [(DETECTOR, "8"), (CHILD, "9")])
def test_the_command_line_starts_a_run_and_follows_it_to_its_package(
    line: StartsLine, model: str, seed: str
) -> None:
    done = command(line, "start", "--model", model, "--seed", seed, "--wait")
    assert done.returncode == 0, done
    first, *_, last = done.stdout.splitlines()
    assert "Run / Build: Succeeded" in done.stdout
    assert last.endswith("waits for approval")
    assert f"model-package/{NAME}-{model}/" in last
    assert line.seen(model)["SEED"] == seed
    run = first.removeprefix("run ")
    listed = command(line, "list", "--model", model, "--limit", "1")
    assert f"{run}  succeeded" in listed.stdout
    assert command(line, "follow", "--model", model, run).returncode == 0


def test_the_command_line_ends_with_one_where_the_run_fails_and_two_where_it_is_refused(
    line: StartsLine,
) -> None:
    line.tell(CHILD, "low")
    failed = command(line, "start", "--model", CHILD, "--wait")
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-1] == "failed: TooLow: top1 0.4 is below 0.6"
    refused = command(line, "start", "--model", "birds")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: 404: there is no model 'birds'")
