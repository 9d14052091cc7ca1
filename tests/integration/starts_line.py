"""The Data and Training stacks of models of both tasks, and the ways to start their trainings.

What the build starts stands in for the real SageMaker pipeline: it ends within a second, as it is told. The
build itself is CodeBuild's, with the build's role; CodePipeline, API, queue and functions are those deployed.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from starts_build import stand_in
from training_line import deploy_training
from waiting import eventually

from config import Edgeline
from lambdas.training import train_at_threshold
from lambdas.training.new_data import NewData
from lambdas.training.standing import standing_of
from lambdas.training.workflows import Workflow
from local.cloud.addresses import served_at
from local.cloud.call import Credentials
from local.cloud.server import LocalCloud
from local.demo.workflows import await_first_run

DETECTOR, PARENT, CHILD = "tags", "species", "flowers"
THRESHOLD, SCHEDULE = 3, "rate(7 days)"
MODELS: dict[str, dict[str, Any]] = {
    DETECTOR: {
        "task": "detection", "classes": ["scratch"], "train_at_images": THRESHOLD, "schedule": SCHEDULE,
    },
    PARENT: {"task": "classification", "classes": ["mushroom"]},
    CHILD: {
        "task": "classification", "parent": PARENT, "classes": ["daffodil", "tulip"],
        "train_at_images": THRESHOLD, "schedule": SCHEDULE,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class StartsLine:
    """The deployed stacks and who calls them; `real` leaves the build what the stack says."""

    def __init__(self, cloud: LocalCloud, folder: Path, name: str, *, real: bool = False) -> None:
        self.cloud, self.name, self._told = cloud, name, folder / "told"
        self._told.mkdir()
        for model in MODELS:
            self.tell(model, "nothing")  # what the run finds that begins as the pipeline is made
        buildspec = None if real else stand_in(self._told, name)
        config = Edgeline.from_values({"name": name, "models": MODELS})
        self.data, self.training = deploy_training(cloud, folder / "assembly", config, buildspec=buildspec)
        session = self.root = cloud.root_session()
        self.codepipeline, self.sagemaker = session.client("codepipeline"), session.client("sagemaker")
        self.functions, self.s3 = session.client("lambda"), session.client("s3")
        self._stacks = session.client("cloudformation")
        self.table = session.resource("dynamodb").Table(self.resource("AWS::DynamoDB::Table"))
        for model in MODELS:
            await_first_run(self.codepipeline, self.workflow(model))
            self.tell(model, "register")
        self.starter = cloud.user(f"{name}-starter", [self.training["RunStarterPolicyArn"]])
        self.url = served_at(cloud.url, self.training["RunsApiUrl"])

    def workflow(self, model: str) -> str:
        return f"{self.name}-model-{model}"

    def resource(self, kind: str, logical: str = "") -> str:
        listed = self._stacks.describe_stack_resources(StackName=f"{self.name}-training")["StackResources"]
        [found] = [
            one["PhysicalResourceId"]
            for one in listed
            if one["ResourceType"] == kind and one["LogicalResourceId"].startswith(logical)
        ]
        return str(found)

    def tell(self, model: str, outcome: str) -> None:
        """What the model's next builds come to: register, low, broken or nothing."""
        (self._told / model).write_text(outcome)

    def hold(self, model: str) -> None:
        (self._told / f"hold-{model}").touch()

    def let_go(self, model: str) -> None:
        (self._told / f"hold-{model}").unlink(missing_ok=True)

    def seen(self, model: str) -> dict[str, str]:
        """The environment of the model's last build that started a training."""
        found: dict[str, str] = json.loads((self._told / f"seen-{model}").read_text())
        return found

    def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = "", by: Credentials | None = None
    ) -> Answer:
        """Call the API as `by`, by default the starter; a POST has a new key unless it is given one."""
        data = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {"Content-Type": "application/json"}
        if method == "POST" and key is not None:
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        request = AWSRequest(method, self.url + path, data=data, headers=headers)
        who = by or self.starter
        keys = BotoCredentials(who.access_key, who.secret_key, who.session_token or None)
        SigV4Auth(keys, "execute-api", self.cloud.region).add_auth(request)
        return _sent(request.prepare(), method)

    def start(self, model: str, body: Any = None, **more: Any) -> Answer:
        return self.ask("POST", f"models/{model}/runs", body or {}, **more)

    def run(self, model: str, run: str) -> dict[str, Any]:
        answer = self.ask("GET", f"models/{model}/runs/{run}")
        assert answer.status == 200, answer
        return answer.body

    def ended(self, model: str, run: str) -> dict[str, Any]:
        """Follow a run to its end."""

        def look() -> dict[str, Any] | None:
            found = self.run(model, run)
            return found if found["ended"] else None

        found: dict[str, Any] = eventually(look)
        return found

    def runs(self, model: str) -> list[str]:
        """The executions of the model's pipeline, newest first."""
        found = self.codepipeline.list_pipeline_executions(pipelineName=self.workflow(model))
        return [one["pipelineExecutionId"] for one in found["pipelineExecutionSummaries"]]

    def upload(self, key: str, body: bytes = b"a picture") -> None:
        self.s3.put_object(Bucket=self.data["ImagesBucket"], Key=key, Body=body)

    def label(self, execution: str, lines: list[dict[str, str]]) -> str:
        """Write a labeling execution's manifest as write_labels does; its URI."""
        bucket, key = self.data["ArtifactsBucket"], f"labels/{DETECTOR}/{execution}.manifest"
        body = "".join(json.dumps(line) + "\n" for line in lines)
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
        return f"s3://{bucket}/{key}"

    def noted(self, model: str) -> int:
        """How many novelties of the model the table has."""
        found = self.table.query(
            KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": f"NEW#{model}"}
        )
        return int(found["Count"])

    def invoke(self, logical: str, event: Any) -> Any:
        """Call a function of the stack as AWS does; AssertionError with what it raised."""
        name = self.resource("AWS::Lambda::Function", logical)
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def tell_of(self, keys: list[str], at: datetime) -> None:
        """Tell of uploads by messages of the queue, as EventBridge does."""
        sqs, queue = self.root.client("sqs"), self.resource("AWS::SQS::Queue", "StartsNewDataEvents")
        bucket = {"name": self.data["ImagesBucket"]}
        for key in keys:
            detail = {"bucket": bucket, "object": {"key": key, "size": 9}}
            body = json.dumps({"time": at.isoformat(), "detail": detail})
            sqs.send_message(QueueUrl=queue, MessageBody=body)

    def has_read_all(self) -> bool:
        """Whether the queue has no message left, and none that is being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        queue = self.resource("AWS::SQS::Queue", "StartsNewDataEvents")
        found = self.root.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return all(found["Attributes"][name] == "0" for name in names)

    def tick_later(self, model: str, wait: timedelta) -> str | None:
        """What the clock does after a while, for one model; the run, if one was started."""
        task, workflow = MODELS[model]["task"], self.workflow(model)
        known = Workflow(model, str(task), workflow, f"{self.name}-{model}", THRESHOLD)
        new_data = NewData(self.table)
        standing = standing_of(self.codepipeline, self.sagemaker, known)
        if not train_at_threshold.is_due(standing, known, new_data, datetime.now(UTC) + wait):
            return None
        return train_at_threshold.start(self.codepipeline, known, standing, new_data)

    def tick(self) -> dict[str, str]:
        """What the clock does every five minutes; the runs that were started, by model."""
        started: dict[str, str] = self.invoke("StartsNewDataTrainAtThreshold", {})["started"]
        return started


def _sent(prepared: Any, method: str) -> Answer:
    raw = urllib.request.Request(  # noqa: S310
        prepared.url, data=prepared.body or None, method=method, headers=dict(prepared.headers)
    )
    try:
        with urllib.request.urlopen(raw) as answer:  # noqa: S310
            return Answer(answer.status, json.load(answer), dict(answer.headers))
    except urllib.error.HTTPError as error:
        return Answer(error.code, json.load(error), dict(error.headers))
