"""The labeling table as the stack makes it, pictures, and people who ask for work."""

import functools
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import ClientError

from lambdas.labeling.callers import caller_of
from lambdas.labeling.drawing_guide import DrawingGuide
from lambdas.labeling.offers import Pictures
from lambdas.labeling.payloads import Deadline
from lambdas.labeling.people import People
from lambdas.labeling.proxied import answer
from lambdas.labeling.rounds import Kind, Round, Rounds, Task
from lambdas.labeling.serve_workbench import Request, Workbench
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.constructs.labeling_table import labeling_table

BOX = {"label": "scratch", "left": 4, "top": 3, "width": 20, "height": 10}
BUCKET = "task-bench-pictures"
CLASSES = ("scratch", "dent")


class StateMachine:
    """What waits for the tokens: takes each once, and none that it never gave out."""

    def __init__(self) -> None:
        self.waits: set[str] = set()
        self.told: list[str] = []
        self._lock = threading.Lock()

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803 - boto3's
        with self._lock:
            if taskToken not in self.waits:
                raise ClientError({"Error": {"Code": "TaskTimedOut"}}, "SendTaskSuccess")
            self.waits.remove(taskToken)
            self.told.append(json.loads(output)["round"])


class ManyMinutes:
    """The context of an invocation that has time."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


class Person:
    """Somebody of the user pool, whose requests come as API Gateway hands them over."""

    def __init__(self, bench: "TaskBench", name: str, groups: str = "annotators") -> None:
        self.bench, self.name = bench, name
        self._claims = {"cognito:username": name, "cognito:groups": groups}

    def ask(
        self, method: str, resource: str, body: Any = None, task_id: str = ""
    ) -> tuple[int, dict[str, Any]]:
        event = {
            "httpMethod": method,
            "resource": resource,
            "pathParameters": {"task_id": task_id} if task_id else None,
            "requestContext": {"authorizer": {"claims": self._claims}},
            "body": body if isinstance(body, str) else json.dumps(body),
        }
        reply = answer(lambda: Request(event, caller_of(event), self.bench.workbench).carry_out())
        return reply["statusCode"], json.loads(reply["body"])

    def claim(self, kind: str = "label", limit: int = 50, **of: str) -> list[dict[str, Any]]:
        status, reply = self.ask("POST", "/tasks/claim", {"kind": kind, "limit": limit, **of})
        assert status == 200, reply
        return list(reply["tasks"])

    def draft(self, task: dict[str, Any], sequence: int, boxes: Any) -> tuple[int, dict[str, Any]]:
        body = {"boxes": boxes, "sequence": sequence}
        return self.ask("PUT", "/tasks/{task_id}/draft", body, task["task_id"])

    def answer(self, task: dict[str, Any], body: Any) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", "/tasks/{task_id}/answer", body, task["task_id"])

    def skip(self, task: dict[str, Any], reason: str = "too dark") -> tuple[int, dict[str, Any]]:
        return self.ask("POST", "/tasks/{task_id}/skip", {"reason": reason}, task["task_id"])

    def release(self, task: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self.ask("POST", "/tasks/{task_id}/release", {}, task["task_id"])

    def rounds(self) -> list[dict[str, Any]]:
        status, reply = self.ask("GET", "/rounds")
        assert status == 200, reply
        return list(reply["rounds"])


class TaskBench:
    """A table, a bucket and a state machine; `rounds` as the state machine's functions have them."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        app = cdk.App(outdir=str(folder), analytics_reporting=False)
        stack = cdk.Stack(app, "Table", stack_name="task-bench")
        table = labeling_table(stack, kms.Key(stack, "Key"), keep=False)
        cdk.CfnOutput(stack, "TableName", value=table.table_name)
        app.synth()
        name = deploy(folder, cloud)["task-bench"]["TableName"]
        session, many = cloud.root_session(), Config(max_pool_connections=50, read_timeout=300)
        self.table = session.resource("dynamodb", config=many).Table(name)
        self.s3 = session.client("s3", config=many)
        self.s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": session.region_name}
        )
        self.publish_guide({})
        self.states = StateMachine()
        self.workbench = self.served_by(self.table)
        self.rounds = self.workbench.rounds
        self._numbers = itertools.count(1)

    def served_by(self, table: Any) -> Workbench:
        """The function's connections, to this table or to one that fails."""
        pictures = Pictures(self.s3, BUCKET)
        guide = DrawingGuide(self.s3, BUCKET, pictures)
        return Workbench(table, Rounds(table, self.states), People(table), pictures, guide)

    def picture(self, name: str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=f"images/tags/{name}", Body=b"a picture")
        return f"s3://{BUCKET}/images/tags/{name}"

    def tasks(self, count: int, *, each: int = 1, **of: Any) -> list[Task]:
        """`each` tasks of so many pictures, all of which are one object."""
        uri = self.picture("any.jpg")
        return [
            Task((image - 1) * each + copy, uri, 60, 40, image_number=image, **of)
            for image in range(1, count + 1)
            for copy in range(1, each + 1)
        ]

    def open(self, tasks: Sequence[Task], kind: Kind = "label", model: str = "tags") -> Round:
        """Open a round as an execution of its own."""
        opened = self.new_round(kind, model)
        deadline = Deadline(ManyMinutes())
        self.rounds.open(opened, tasks, token=self.token(opened), deadline=deadline)
        return opened

    def new_round(self, kind: Kind = "label", model: str = "tags") -> Round:
        return Round(kind, model, f"execution:{next(self._numbers)}", 1, CLASSES)

    def token(self, opened: Round) -> str:
        """The token with which the state machine waits for a round from now on."""
        token = f"token-{opened.id}"
        self.states.waits.add(token)
        return token

    @contextmanager
    def cleared(self) -> Iterator[Self]:
        """The bench without open rounds and without people who were at work."""
        self._clear()
        yield self
        self._clear()

    def _clear(self) -> None:
        for untold in list(self.rounds.untold()):
            self.rounds.close(untold["round"])
        self.states.told.clear()
        self.workbench = self.served_by(self.table)
        people = self.table.query(KeyConditionExpression=Key("pk").eq("PEOPLE"))["Items"]
        for item in people:
            self.table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})

    def person(self, name: str, groups: str = "annotators") -> Person:
        return Person(self, name, groups)

    def task(self, task: dict[str, Any]) -> dict[str, Any]:
        """A task's item."""
        round_id, number = task["task_id"].split("-")
        key = {"pk": f"ROUND#{round_id}", "sk": f"TASK#{int(number):06d}"}
        return dict(self.table.get_item(Key=key, ConsistentRead=True)["Item"])

    @property
    def now(self) -> int:
        return int(time.time())

    def end_lease(self, task: dict[str, Any]) -> None:
        """Let ten minutes pass for a task."""
        self.end_lease_in(task, seconds=-1)

    def end_lease_in(self, task: dict[str, Any], *, seconds: int) -> None:
        item = self.task(task)
        self.table.update_item(
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET available_at = :end",
            ExpressionAttributeValues={":end": self.now + seconds},
        )

    def calls(self) -> "Calls":
        """Count the calls of the table, as long as the block lasts."""
        return Calls(self.table.meta.client.meta.events)

    def publish_guide(self, guide: dict[str, Any]) -> None:
        self.s3.put_object(Bucket=BUCKET, Key="examples/guide.json", Body=json.dumps(guide).encode())


class Calls:
    """How often each operation was called, and how many updates met a condition that did not hold."""

    def __init__(self, events: Any) -> None:
        self.made: Counter[str] = Counter()
        self.refused = 0
        self._events, self._lock = events, threading.Lock()

    def __enter__(self) -> Self:
        self._events.register("after-call.dynamodb", self._look, unique_id="calls")
        return self

    def __exit__(self, *_: object) -> None:
        self._events.unregister("after-call.dynamodb", unique_id="calls")

    def _look(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self.made[model.name] += 1
            self.refused += parsed.get("Error", {}).get("Code") == "ConditionalCheckFailedException"


@functools.cache
def bench_of(cloud: LocalCloud) -> TaskBench:
    """The one bench of a cloud."""
    return TaskBench(cloud, cloud.state_dir / "task-bench")
