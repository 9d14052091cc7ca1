"""Faults while pictures are labelled; after each, every picture is labelled in this execution or the next."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from faults.seams import THROTTLED, Deployed, refusing, table_calls
from PIL import Image
from waiting import eventually

from local.cloud.addresses import served_at
from local.cloud.errors import AwsError
from local.cloud.server import LocalCloud
from local.demo.signed_in import join
from local.demo.workbench import Workbench
from local.demo.workflows import follow_execution
from stacks.data_stack import DataStack
from stacks.labeling_stack import LabelingStack

pytestmark = pytest.mark.acceptance
NAME = "labeling-faults"


class Labeling:
    """The deployed labeling part, a person who labels and one who verifies."""

    def __init__(self, cloud: LocalCloud, folder: Any) -> None:
        def make(app: Any, config: Any) -> None:
            data = DataStack(app, "Data", config=config)
            LabelingStack(
                app, "Labeling", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
                feature_group_name=data.feature_group_name, workflows=data.workflows,
            )  # fmt: skip

        self.deployed = Deployed(cloud, folder, NAME, make)
        self.deployed.first_run(self.deployed.output("labeling", "LabelingPipeline"))
        self._folder, self._number = folder, 0
        self.machine = self.deployed.output("labeling", "StateMachineArn")
        self.images = self.deployed.output("data", "ImagesBucket")
        people = join(
            cloud, self.deployed.outputs("labeling"), dict.fromkeys(("ann", "bob"), ("annotators",))
        )
        url = served_at(cloud.url, self.deployed.output("labeling", "ApiUrl"))
        self.ann, self.bob = (Workbench(url, person.token) for person in people.values())

    def upload(self, number: int) -> set[str]:
        """Upload pictures that are like no other; their URIs."""
        uris = set()
        for _ in range(number):
            self._number += 1
            path = self._folder / f"{self._number}.png"
            colour = (self._number * 7 % 256, self._number * 31 % 256, 90)
            Image.new("RGB", (60, 40), colour).save(path)
            uris.add(self.deployed.put(self.images, f"images/tags/{path.name}", path.read_bytes()))
        return uris

    def start(self) -> str:
        """Start labeling once what was uploaded is known, which an event may take its time to tell."""
        reconciliation = self.deployed.output("labeling", "ReconciliationArn")
        given = json.dumps({"model": "tags"})
        compared = self.deployed.states.start_execution(stateMachineArn=reconciliation, input=given)
        follow_execution(self.deployed.states, compared["executionArn"])
        started = self.deployed.states.start_execution(stateMachineArn=self.machine, input=given)
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Label and approve what there is until the execution has ended."""

        def look() -> dict[str, Any] | None:
            for task in self.ann.claim("label", 50):
                self.ann.answer(task.task_id, {"boxes": []})
            for task in self.bob.claim("verify", 50):
                self.bob.answer(task.task_id, {"verdict": "approve"})
            found: dict[str, Any] = self.deployed.states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return dict(eventually(look))

    def labeled(self, ended: dict[str, Any]) -> set[str]:
        """The pictures in the manifest of an execution that has ended well."""
        assert ended["status"] == "SUCCEEDED", ended
        bucket, _, key = json.loads(ended["output"])["manifest"].removeprefix("s3://").partition("/")
        lines = self.deployed.s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
        return {json.loads(line)["source-ref"] for line in lines}


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labeling]:
    made = Labeling(cloud, tmp_path_factory.mktemp("labeling"))
    yield made
    made.ann.close()
    made.bob.close()


def test_a_throttled_feature_store_is_written_to_until_it_takes_the_labels(line: Labeling) -> None:
    uris = line.upload(3)
    with refusing("PutRecord", THROTTLED, times=5) as faults:
        assert line.labeled(line.ended(line.start())) == uris
    assert faults.left == 0


def test_a_throttled_table_loses_no_answer(line: Labeling) -> None:
    uris = line.upload(3)
    with table_calls("TransactWriteItems", times=6) as faults:
        assert line.labeled(line.ended(line.start())) == uris
    assert faults.left == 0


def test_a_function_that_times_out_goes_on_from_where_it_came_to(line: Labeling) -> None:
    uris = line.upload(2)
    function = line.deployed.resource("labeling", "AWS::Lambda::Function", "FunctionsOpenRound")
    # Other functions read the table before: the reconciliation, and who looks for the round's pictures.
    hang = table_calls("GetItem", times=1, hang_seconds=5, naming=b'"ROUND#')
    with line.deployed.function_limit(function, seconds=3), hang as faults:
        execution = line.start()
        # Nobody asks for work before: the workbench reads the table too, and would be struck instead.
        eventually(lambda: not faults.left)
        assert line.labeled(line.ended(execution)) == uris
    assert line.deployed.has_retried(execution, "Task timed out")


def test_a_feature_store_that_refuses_fails_by_name_and_keeps_the_pictures_for_the_next_run(
    line: Labeling,
) -> None:
    uris = line.upload(2)
    broken = AwsError("ValidationError", "The feature group is being deleted", 400)
    with refusing("PutRecord", broken, times=1000):
        ended = line.ended(line.start())
    assert ended["status"] == "FAILED"
    assert ended["cause"].startswith("Write labels: ")
    assert "The feature group is being deleted" in ended["cause"]
    assert line.labeled(line.ended(line.start())) == uris


def test_a_removed_grant_fails_by_the_actions_name_and_keeps_the_pictures_for_the_next_run(
    line: Labeling,
) -> None:
    uris = line.upload(2)
    with line.deployed.without_grant("sagemaker:PutRecord"):
        ended = line.ended(line.start())
    assert ended["status"] == "FAILED"
    assert "not authorized to perform: sagemaker:PutRecord" in ended["cause"]
    assert line.labeled(line.ended(line.start())) == uris
