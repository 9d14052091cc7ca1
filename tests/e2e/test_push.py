"""A clone from which everything is deployed by git push, and what later pushes deploy again.

The clone is of what is committed. Its first commit leaves out the promotion, which a later one adds stages
with, and nearly all of the tests that each push would run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

ROOT = Path(__file__).parents[2]
PERSON = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip
TOOLS = {"edgeline-data", "edgeline-labeling", "edgeline-training", "edgeline-edge", "edgeline-cost"}
TESTS_OF_A_PUSH = ("tests/infrastructure", "tests/unit/lambdas")
KEPT = {"tests/infrastructure/test_data_stack.py", "tests/unit/lambdas/delivery/test_changed_paths.py"}
pytestmark = pytest.mark.acceptance


class Clone:
    """A working tree, its local cloud, and what a person does there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {**os.environ, **PERSON, "PATH": path, "OMP_NUM_THREADS": "1"}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def local(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "local", *arguments)

    def commit(self, path: str, found: str, becomes: str) -> str:
        """Commit one change of one file; return the commit."""
        file = self.folder / path
        text = file.read_text()
        assert found in text, f"{path} has no {found!r}"
        file.write_text(text.replace(found, becomes, 1))
        assert self.run("git", "commit", "--quiet", "--all", "--message", f"Change {path}").returncode == 0
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def remove_tests(self) -> None:
        """Take out what `make test` runs anyway: eight builds would, for minutes each."""
        for folder in TESTS_OF_A_PUSH:
            for file in (self.folder / folder).rglob("test_*.py"):
                if str(file.relative_to(self.folder)) not in KEPT:
                    file.unlink()

    def push(self) -> str:
        """Push as a person who approves everything, to the end; return what was shown."""
        done = self.local("push", "--approve")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self, service: str) -> Any:
        known = json.loads((self.folder / "local_cloud" / "serving.json").read_text())
        return boto3.client(
            service, endpoint_url=known["url"], region_name=known["region"],
            aws_access_key_id=known["root"]["access_key"],
            aws_secret_access_key=known["root"]["secret_key"],
        )  # fmt: skip

    def cdk(self, *arguments: str) -> str:
        """Run the CDK's command line as the account's root; return what it said."""
        known = json.loads((self.folder / "local_cloud" / "serving.json").read_text())
        names = {"AWS_ENDPOINT_URL": known["url"], "AWS_REGION": known["region"], "CDK_VALIDATION": "false"}
        names |= {
            "AWS_ACCESS_KEY_ID": known["root"]["access_key"],
            "AWS_SECRET_ACCESS_KEY": known["root"]["secret_key"],
        }
        self.environment |= names
        try:
            done = self.run("cdk", *arguments, "--no-notices")
        finally:
            for name in names:
                del self.environment[name]
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dismiss(self) -> None:
        """Take their policies from all people: IAM deletes no policy that somebody has."""
        iam = self.client("iam")
        for user in iam.list_users()["Users"]:
            attached = iam.list_attached_user_policies(UserName=user["UserName"])["AttachedPolicies"]
            for policy in attached:
                iam.detach_user_policy(UserName=user["UserName"], PolicyArn=policy["PolicyArn"])

    def stacks(self) -> dict[str, datetime]:
        """Return when each stack was last made or changed."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {
            stack["StackName"]: stack.get("LastUpdatedTime", stack["CreationTime"])
            for page in pages
            for stack in page["Stacks"]
        }

    def changed_by(self, path: str, found: str, becomes: str) -> tuple[set[str], str]:
        """Commit and push one change; return the stacks that it has changed, and what was shown."""
        before = self.stacks()
        self.commit(path, found, becomes)
        shown = self.push()
        after = self.stacks()
        return {name for name in after if after[name] != before.get(name)}, shown

    def pipeline_stages(self) -> list[str]:
        found = self.client("codepipeline").get_pipeline(name="edgeline-delivery")["pipeline"]["stages"]
        return [stage["name"] for stage in found]

    def processes(self) -> list[psutil.Process]:
        """Return what still runs because of this clone."""
        mark = str(self.folder)
        found = []
        for process in psutil.process_iter(["cmdline", "cwd"]):
            told = [*(process.info["cmdline"] or []), process.info["cwd"] or ""]
            if any(mark in word for word in told):
                found.append(process)
        return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("push") / "edgeline"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    # As `make push` does, before anything is synthesized.
    subprocess.run(["npm", "ci", "--prefix", f"{folder}/labeling_app", "--silent"], check=True)
    made = Clone(folder)
    made.run("git", "checkout", "--quiet", "-B", "main")
    yield made
    made.local("stop")
    for process in made.processes():
        process.kill()


@pytest.fixture(scope="module")
def first(clone: Clone) -> str:
    """Push for the first time, to a cloud that is not there yet."""
    text = (clone.folder / "edgeline.toml").read_text()
    line = re.search(r"^# parts = .*$", text, re.MULTILINE)
    assert line
    clone.remove_tests()
    clone.commit("edgeline.toml", line[0], 'parts = ["labeling", "training", "edge"]')
    return clone.push()


def test_first_push_takes_the_line_from_nothing_to_deployed(clone: Clone, first: str) -> None:
    assert clone.stacks().keys() == TOOLS | {"CDKToolkit", "edgeline-delivery"}
    for said in ("Start the local cloud", "cdk bootstrap", "cdk deploy Delivery", "is deployed."):
        assert said in first
    # The pipelines of the workflows run as they are made.
    for workflow in ("edgeline-labeling", "edgeline-model-tags", "edgeline-inspector"):
        assert f"  {workflow}: Succeeded" in first
    assert "edgeline-delivery            Succeeded" in clone.local("status").stdout


def test_nobody_deploys_as_root_but_the_first_time(clone: Clone, first: str) -> None:
    users = {user["UserName"] for user in clone.client("iam").list_users()["Users"]}
    assert {"pusher", "onlooker"} <= users
    pushers = clone.client("iam").list_attached_user_policies(UserName="pusher")["AttachedPolicies"]
    assert ["PusherPolicy" in policy["PolicyName"] for policy in pushers] == [True]


def test_documents_alone_start_nothing_by_plain_git(clone: Clone, first: str) -> None:
    def executions() -> list[Any]:
        found = clone.client("codepipeline").list_pipeline_executions(pipelineName="edgeline-delivery")
        summaries: list[Any] = found["pipelineExecutionSummaries"]
        return summaries

    before = len(executions())
    clone.commit("docs/operations.md", "# Operations", "# Operations, changed")
    pushed = clone.run("git", "push", "local", "main")
    assert pushed.returncode == 0
    assert "remote: Nothing was started: all that changed is ignored." in pushed.stderr
    assert len(executions()) == before


def test_line_of_a_function_deploys_its_part_alone(clone: Clone, first: str) -> None:
    changed, shown = clone.changed_by(
        "lambdas/labeling/rounds.py", "import logging\n", "import logging  # !\n"
    )
    assert changed == {"edgeline-labeling"}
    assert "started: edgeline-labeling" in shown


def test_line_of_a_training_script_deploys_the_training_alone(clone: Clone, first: str) -> None:
    script = "pipeline_defs/detection/scripts/train.py"
    changed, shown = clone.changed_by(script, '"""', '"""Changed. ')
    assert changed == {"edgeline-training"}
    assert "started: edgeline-model-tags" in shown


def test_line_of_the_inspector_publishes_another_inspector_alone(clone: Clone, first: str) -> None:
    def versions() -> set[str]:
        greengrass = clone.client("greengrassv2")
        arn = f"arn:aws:greengrass:{greengrass.meta.region_name}:000000000000:components:{component}"
        found = greengrass.list_component_versions(arn=arn)["componentVersions"]
        return {version["componentVersion"] for version in found}

    (component,) = [
        one["componentName"]
        for one in clone.client("greengrassv2").list_components()["components"]
        if "inspector" in one["componentName"].lower()
    ]
    before = versions()
    changed, shown = clone.changed_by("edge/inspector/inspection.py", '"""', '"""Changed. ')
    assert changed == {"edgeline-edge"}
    assert "started: edgeline-inspector" in shown
    assert len(versions() - before) == 1


def test_broken_test_stops_the_push_and_leaves_what_is_deployed(
    clone: Clone, first: str, request: pytest.FixtureRequest
) -> None:
    before = clone.stacks()
    test = clone.folder / "tests" / "unit" / "lambdas" / "test_planted.py"
    test.write_text("def test_planted() -> None:\n    assert 1 == 2, 'planted'\n")
    request.addfinalizer(lambda: clone.run("git", "rm", "--quiet", "-f", str(test)))
    clone.run("git", "add", "--all")
    clone.commit("lambdas/labeling/rounds.py", "import logging", "import logging ")
    done = clone.local("push", "--approve")
    assert done.returncode == 1
    assert "!! Build          Synth" in done.stdout
    assert "FAILED tests/unit/lambdas/test_planted.py::test_planted" in done.stdout
    assert clone.stacks() == before


def test_stage_that_a_commit_adds_appears_and_is_deployed(clone: Clone, first: str) -> None:
    assert "Prod" not in clone.pipeline_stages()
    changed, shown = clone.changed_by(
        "edgeline.toml", 'parts = ["labeling", "training", "edge"]',
        'parts = ["labeling", "training", "promotion", "edge"]',
    )  # fmt: skip
    assert clone.pipeline_stages()[-2:] == ["Staging", "Prod"]
    assert {"edgeline-delivery", "edgeline-promotion", "edgeline-prod-serving"} <= changed
    assert "Cancelled" in shown
    assert re.search(r"ok Prod +ApproveProd .* by python -m local push", shown)
    approvers = clone.client("iam").list_attached_user_policies(UserName="approver")["AttachedPolicies"]
    assert ["ApproverPolicy" in policy["PolicyName"] for policy in approvers] == [True]


def test_destroy_takes_every_stack_away_and_keeps_what_holds_data(clone: Clone, first: str) -> None:
    clone.dismiss()
    clone.cdk("destroy", "**", "--force")
    assert clone.stacks().keys() == {"CDKToolkit"}
    assert clone.client("lambda").list_functions()["Functions"] == []
    assert clone.client("codepipeline").list_pipelines()["pipelines"] == []
    assert clone.client("stepfunctions").list_state_machines()["stateMachines"] == []
    assert clone.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
    buckets = {bucket["Name"] for bucket in clone.client("s3").list_buckets()["Buckets"]}
    kept = (
        "cdk-hnb659fds-assets-",
        "edgeline-artifacts-",
        "edgeline-data-images",
        "edgeline-data-accesslogs",
    )
    assert len(buckets) == len(kept)
    assert {start for start in kept for name in buckets if name.startswith(start)} == set(kept)


def test_second_server_is_told_of_the_first_in_a_line(clone: Clone, first: str) -> None:
    second = clone.local("serve")
    assert second.returncode == 1
    assert "is served from here already" in second.stdout
    assert len(second.stdout.strip().splitlines()) == 1


def test_stop_leaves_no_process(clone: Clone, first: str) -> None:
    assert "nothing is left running" in clone.local("stop").stdout
    assert clone.processes() == []
    status = clone.local("status")
    assert (status.returncode, "No local cloud is served" in status.stdout) == (1, True)
    # git alone cannot start it, and says who can.
    clone.commit("edgeline.toml", "# What you edit", "# What you edit, again")
    pushed = clone.run("git", "push", "local", "main")
    assert pushed.returncode != 0
    assert "python -m local push" in pushed.stderr
