"""How the ledger learns of images: through what is deployed for it, IAM enforced."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from waiting import eventually

from config import Edgeline
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.constructs.image_watch import ImageWatch
from stacks.constructs.labeling_table import labeling_table
from stacks.data_stack import DataStack

ROOT = Path(__file__).parents[2]
NAME, MODEL = "image-watch-test", "tags"


class Watching:
    """The deployed watch, and its bucket and table as root sees them."""

    def __init__(self, cloud: LocalCloud, outputs: dict[str, dict[str, str]]) -> None:
        session = cloud.root_session()
        self.s3, self._states = session.client("s3"), session.client("stepfunctions")
        self._functions, stacks = session.client("lambda"), session.client("cloudformation")
        self.bucket = outputs[f"{NAME}-data"]["ImagesBucket"]
        self._reconciliation = outputs[f"{NAME}-watch"]["ReconciliationArn"]
        found = stacks.describe_stack_resources(StackName=f"{NAME}-watch")["StackResources"]
        self.table = session.resource("dynamodb").Table(_one(found, "AWS::DynamoDB::Table", "Tasks"))
        self._notice = _one(found, "AWS::Lambda::Function", "WatchNoticeImages")

    def put(self, name: str, body: bytes = b"picture") -> str:
        key = f"images/{MODEL}/{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def item(self, key: str) -> dict[str, Any]:
        found = self.table.get_item(Key={"pk": f"IMAGES#{MODEL}", "sk": key}, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def await_status(self, key: str, status: str) -> dict[str, Any]:
        eventually(lambda: self.item(key).get("status") == status)
        return self.item(key)

    def notice(self, *bodies: str) -> list[str]:
        """Hand messages to the function; the ids of those that failed, which are their places."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]
        answer = self._functions.invoke(FunctionName=self._notice, Payload=json.dumps({"Records": records}))
        failures = json.load(answer["Payload"])["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def reconcile(self) -> dict[str, Any]:
        given = json.dumps({"model": MODEL})
        arn = self._states.start_execution(stateMachineArn=self._reconciliation, input=given)["executionArn"]

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self._states.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        found = dict(eventually(ended))
        assert found["status"] == "SUCCEEDED", found
        return dict(json.loads(found["output"]))

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Let the bucket tell of nothing for a while."""
        tell = self.s3.put_bucket_notification_configuration
        tell(Bucket=self.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            tell(Bucket=self.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})


def _one(resources: list[dict[str, Any]], kind: str, prefix: str) -> str:
    """The physical name of the one resource of a type whose logical id begins so."""
    [found] = [
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == kind and resource["LogicalResourceId"].startswith(prefix)
    ]
    return str(found)


@pytest.fixture(scope="module")
def watching(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Watching:
    folder = tmp_path_factory.mktemp("assembly")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
    config = replace(Edgeline.read(ROOT / "edgeline.toml"), name=NAME)
    data = DataStack(app, "Data", config=config)
    stack = cdk.Stack(app, "Watching", stack_name=f"{NAME}-watch")
    table = labeling_table(stack, data.key, keep=False)
    ImageWatch(stack, "Watch", models=config.models, table=table, images=data.images, key=data.key)
    app.synth()
    return Watching(cloud, deploy(folder, cloud))


def created(key: str) -> str:
    return json.dumps({"detail-type": "Object Created", "detail": {"object": {"key": key}}})


@pytest.mark.parametrize("name", ["a.jpg", "folder/of mine/b+c ä%20.jpg", "returned/thing-1/d.jpg"])
def test_an_upload_is_noticed_and_so_is_its_end(watching: Watching, name: str) -> None:
    key = watching.put(name)
    item = watching.await_status(key, "free")
    assert item["images"] == f"free#{MODEL}"
    watching.s3.delete_object(Bucket=watching.bucket, Key=key)
    assert "images" not in watching.await_status(key, "gone")
    watching.put(name)
    watching.await_status(key, "free")


def test_the_removal_of_an_old_version_is_no_end(watching: Watching) -> None:
    key = watching.put("versions.jpg", b"one")
    watching.put("versions.jpg", b"two")
    etag = watching.s3.head_object(Bucket=watching.bucket, Key=key)["ETag"]
    eventually(lambda: watching.item(key).get("etag") == etag)
    versions = watching.s3.list_object_versions(Bucket=watching.bucket, Prefix=key)["Versions"]
    [old] = [version["VersionId"] for version in versions if not version["IsLatest"]]
    watching.s3.delete_object(Bucket=watching.bucket, Key=key, VersionId=old)
    deleted = json.dumps({"detail-type": "Object Deleted", "detail": {"object": {"key": key}}})
    assert watching.notice(deleted) == []
    assert watching.item(key)["status"] == "free"


def test_a_batch_of_duplicates_strangers_and_nonsense_fails_for_the_nonsense_only(watching: Watching) -> None:
    with watching.deaf():
        key = watching.put("batch.jpg")
    strangers = [created("images/no-model.jpg"), created("images/other/folder/")]
    failed = watching.notice("nonsense", created(key), created(key), *strangers, "{}", '{"detail": []}')
    assert failed == ["0", "5", "6"]
    assert watching.item(key)["version"] == 1


def test_an_event_that_cannot_be_followed_comes_again(watching: Watching) -> None:
    beyond_what_a_key_may_be = created(f"images/{MODEL}/" + "x" * 2000)
    with watching.deaf():
        key = watching.put("beside.jpg")
    assert watching.notice(beyond_what_a_key_may_be, created(key)) == ["0"]
    assert watching.item(key)["status"] == "free"


def test_what_no_event_told_of_is_found_by_the_reconciliation(watching: Watching) -> None:
    gone = watching.put("reconciled/gone.jpg")
    watching.await_status(gone, "free")
    watching.reconcile()
    with watching.deaf():
        missed = watching.put("reconciled/missed.jpg")
        watching.s3.delete_object(Bucket=watching.bucket, Key=gone)
    assert watching.reconcile()["mended"] == 2
    assert watching.item(missed)["status"] == "free"
    assert watching.item(gone)["status"] == "gone"
    assert watching.reconcile()["mended"] == 0
