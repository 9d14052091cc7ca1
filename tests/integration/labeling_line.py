"""The labeling part in the local cloud, with people of its pool: what the tests of labeling share."""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct
from PIL import Image
from waiting import eventually

from config import Edgeline
from local.cloud.addresses import served_at
from local.cloud.deploy import deploy
from local.cloud.pool_users import SignInPage, add_user
from local.cloud.server import LocalCloud
from local.demo.workflows import await_first_run
from stacks.data_stack import DataStack
from stacks.labeling_stack import LabelingStack

ROOT = Path(__file__).parents[2]
MODEL = "tags"
BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10}
Outputs = dict[str, dict[str, str]]


@dataclass
class Person:
    """Somebody of the pool, who calls the API as the page does."""

    url: str
    token: Callable[[], str]

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(  # noqa: S310
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def claim(self, kind: str, limit: int = 50) -> list[dict[str, Any]]:
        status, answer = self.ask("POST", "tasks/claim", {"kind": kind, "limit": limit})
        assert status == 200, answer
        tasks: list[dict[str, Any]] = answer["tasks"]
        return tasks

    def wait_for(self, kind: str, limit: int = 50, *, least: int = 1) -> list[dict[str, Any]]:
        """Claim until at least so many tasks are held: those of a round appear one after the other."""

        def enough() -> list[dict[str, Any]]:
            tasks = self.claim(kind, limit)
            return tasks if len(tasks) >= least else []

        tasks: list[dict[str, Any]] = eventually(enough)
        return tasks

    def answer(self, task: dict[str, Any], body: Any) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", f"tasks/{task['task_id']}/answer", body)

    def skip(self, task: dict[str, Any], reason: str) -> None:
        answer = self.ask("POST", f"tasks/{task['task_id']}/skip", {"reason": reason})
        assert answer == (200, {"accepted": True})

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


class LabelingLine:
    """The deployed labeling part, and the people around it."""

    def __init__(self, cloud: LocalCloud, outputs: Outputs, name: str) -> None:
        data, self.labeling = outputs[f"{name}-data"], outputs[f"{name}-labeling"]
        self.name, self._cloud = name, cloud
        self.images, self.artifacts = data["ImagesBucket"], data["ArtifactsBucket"]
        self.machine = self.labeling["StateMachineArn"]
        uploader = cloud.user(f"{name}-uploader", [data["UploaderPolicyArn"]])
        self._uploads = cloud.session(uploader).client("s3")
        operator = cloud.session(cloud.user(f"{name}-operator", [self.labeling["OperatorPolicyArn"]]))
        self.states, self._reads = operator.client("stepfunctions"), operator.client("s3")
        self.root = cloud.root_session()
        self.table = self.root.resource("dynamodb").Table(self.resource("AWS::DynamoDB::Table"))
        self._pictures = 0

    @cached_property
    def ann(self) -> Person:
        return self.person("ann", "annotators")

    @cached_property
    def bob(self) -> Person:
        return self.person("bob", "annotators")

    @cached_property
    def eve(self) -> Person:
        return self.person("eve", "annotators")

    @cached_property
    def sue(self) -> Person:
        return self.person("sue", "annotators", "supervisors")

    def person(self, name: str, *groups: str) -> Person:
        """Make somebody of the pool, who signs in at its page."""
        pool = self.labeling["UserPoolId"]
        password = add_user(self.root.client("cognito-idp"), pool, name, groups)
        page = SignInPage(
            self._cloud.url,
            sign_in=self.labeling["SignInUrl"],
            client_id=self.labeling["UserPoolClientId"],
            home=self.labeling["PageUrl"],
        )
        identity = page.tokens(name, password).identity
        return Person(served_at(self._cloud.url, self.labeling["ApiUrl"]), lambda: identity)

    def resource(self, kind: str, name: str = "") -> str:
        """The physical id of the one resource of the labeling stack of this type, or whose id begins so."""
        stacks = self.root.client("cloudformation")
        resources = stacks.describe_stack_resources(StackName=f"{self.name}-labeling")["StackResources"]
        [found] = [
            resource["PhysicalResourceId"]
            for resource in resources
            if resource["ResourceType"] == kind and resource["LogicalResourceId"].startswith(name)
        ]
        return str(found)

    def upload(self, name: str, content: bytes | None = None, *, model: str = MODEL, **metadata: str) -> str:
        """Upload a picture, by default one like no other, and wait until it is noticed; its URI."""
        self._pictures += 1
        body = picture(self._pictures) if content is None else content
        key = f"images/{model}/{name}"
        put = self._uploads.put_object(Bucket=self.images, Key=key, Body=body, Metadata=metadata)
        uri, etag = f"s3://{self.images}/{key}", put["ETag"].strip('"')
        eventually(lambda: etag in self._known_by(uri))
        return uri

    def _known_by(self, uri: str) -> set[str]:
        item = self.item(uri)
        return {str(item.get(name, "")).strip('"') for name in ("etag", "newer")}

    def start(self, model: str = MODEL) -> str:
        arn = self.states.start_execution(stateMachineArn=self.machine, input=json.dumps({"model": model}))
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

    @contextmanager
    def environment(self, function: str, **variables: str) -> Iterator[None]:
        """Configure a function differently for a while; `function` begins its logical id."""
        name = self.resource("AWS::Lambda::Function", function)
        client = self.root.client("lambda")
        given = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        changed = {"Variables": {**given, **variables}}
        client.update_function_configuration(FunctionName=name, Environment=changed)
        try:
            yield
        finally:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": given})

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
        output: dict[str, Any] = json.loads(found["output"])
        return output

    def history(self, execution: str) -> list[str]:
        """The types of an execution's events, in order."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event["type"] for page in pages for event in page["events"]]

    def lines(self, uri: str) -> list[dict[str, Any]]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self._reads.get_object(Bucket=bucket, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def kept(self, execution: str, name: str) -> list[dict[str, Any]]:
        """A working list of an execution, such as `answers-1`."""
        model = json.loads(self.states.describe_execution(executionArn=execution)["input"])["model"]
        key = f"labeling/{model}/{execution.rsplit(':', 1)[-1]}/{name}.jsonl"
        body = self.root.client("s3").get_object(Bucket=self.artifacts, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines()]

    def has_object(self, prefix: str, suffix: str) -> bool:
        """Whether the artifacts bucket has such an object."""
        listed = self.root.client("s3").list_objects_v2(Bucket=self.artifacts, Prefix=prefix)
        return any(found["Key"].endswith(suffix) for found in listed.get("Contents", []))

    def item(self, uri: str) -> dict[str, Any]:
        """The image as the ledger knows it."""
        key = uri.split("/", 3)[3]
        found: dict[str, Any] = self.table.get_item(
            Key={"pk": f"IMAGES#{key.split('/')[1]}", "sk": key}, ConsistentRead=True
        ).get("Item", {})
        return found


def deployed(cloud: LocalCloud, folder: Path, name: str, **labeling: Any) -> LabelingLine:
    """Deploy the Data and Labeling stacks under a name, `[labeling]` configured so."""
    config = replace(Edgeline.read(ROOT / "edgeline.toml"), name=name)
    config = replace(config, labeling=replace(config.labeling, **labeling))
    return deployed_as(cloud, folder, config, lambda app: app)


def deployed_as(
    cloud: LocalCloud, folder: Path, config: Edgeline, make: Callable[[cdk.App], Construct]
) -> LabelingLine:
    """Deploy the same as a configuration says, into the scope that `make` gives; it may add stacks."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(folder), context=context, analytics_reporting=False)
    scope = make(app)
    data = DataStack(scope, "Data", config=config)
    LabelingStack(
        scope, "Labeling", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        feature_group_name=data.feature_group_name, workflows=data.workflows,
    )  # fmt: skip
    app.synth()
    outputs = deploy(folder, cloud)
    # It has no pictures to find, and must not find those of the tests.
    codepipeline = cloud.root_session().client("codepipeline")
    await_first_run(codepipeline, outputs[f"{config.name}-labeling"]["LabelingPipeline"])
    return LabelingLine(cloud, outputs, config.name)
