"""Takes the images that have waited longest for a label, as many as a round has, for this execution.

In:  {"execution": ARN, "model": "tags", "limit": how many at most}
Out: {"execution", "model", "classes": ["scratch"], "round": 1, "count": n}; the images are in
     `Lists.images(1)`, what was set aside and why is in `Lists.set_aside`.

What waits stands in the ledger's index; labelled images are not read, and neither is the bucket listed, but
for once, before the first round of all. What is taken is read once: what cannot be used is set aside. Images
are taken in the ledger one by one, so that a second attempt (`OutOfTime`) goes on where the first stopped,
and two executions at once share what waits.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.close_rounds import close_rounds_of_the_dead, running
from lambdas.labeling.image_entry import IN_ROUND, QUARANTINED, Entry
from lambdas.labeling.image_intake import Intake
from lambdas.labeling.image_ledger import ImageLedger
from lambdas.labeling.models import classes_of
from lambdas.labeling.payloads import PATIENT, Deadline, Lists
from lambdas.labeling.reconcile_images import Reconciliation
from lambdas.labeling.rounds import Rounds

LARGEST_ROUND = 10_000


@dataclass(frozen=True)
class Environment:
    """`model_classes` is JSON: {"tags": ["scratch"]}."""

    table: str
    images_bucket: str
    artifacts_bucket: str
    model_classes: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Find the images and write their list."""
    env = environment.read(Environment)
    model, execution = event["model"], event["execution"]
    limit = min(int(event.get("limit", LARGEST_ROUND)), LARGEST_ROUND)
    classes = classes_of(model, json.loads(env.model_classes))
    s3, deadline = boto3.client("s3", config=PATIENT), Deadline(context)
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    states = boto3.client("stepfunctions")
    is_running = running(states)
    close_rounds_of_the_dead(Rounds(table, states), is_running)
    if Reconciliation.needed(table, model):
        Reconciliation(table, model, execution).run(s3, env.images_bucket, deadline)
    ledger = ImageLedger(table, model)
    intake = Intake(s3, env.images_bucket, ledger, execution)
    choose(ledger, intake, execution, limit, is_running, deadline)
    lists = Lists(env.artifacts_bucket, model, execution)
    count = _write_lists(s3, lists, env.images_bucket, ledger)
    return {"execution": execution, "model": model, "classes": classes, "round": 1, "count": count}


def choose(
    ledger: ImageLedger,
    intake: Intake,
    execution: str,
    limit: int,
    is_running: Callable[[str], bool],
    deadline: Deadline,
) -> None:
    """Take images until the execution has `limit`, those of earlier attempts among them."""
    has = sum(entry.status == IN_ROUND for entry in ledger.taken_by(execution))
    intake.take(_waiting(ledger, execution, is_running), limit - has, deadline)


def _waiting(ledger: ImageLedger, execution: str, is_running: Callable[[str], bool]) -> Iterator[Entry]:
    """What dead executions hold, and what is free."""
    for holder in ledger.holders():
        if holder != execution and not is_running(holder):
            yield from ledger.held_by(holder)
    yield from ledger.free()


def _write_lists(s3: Any, lists: Lists, bucket: str, ledger: ImageLedger) -> int:
    """List what this execution has taken and set aside; equal for every attempt that gets here."""
    images: list[dict[str, Any]] = []
    set_aside: list[dict[str, Any]] = []
    for entry in ledger.taken_by(lists.execution):
        row = {"uri": f"s3://{bucket}/{entry.key}"}
        if entry.status == IN_ROUND and entry.content is not None:
            images.append({**row, **vars(entry.content)})
        elif entry.status == QUARANTINED:
            digest = {} if entry.content is None else {"sha256": entry.content.sha256}
            set_aside.append({**row, **digest, "reason": entry.reason})
    json_lines.write(s3, lists.set_aside, set_aside)
    return json_lines.write(s3, lists.images(1), images)
