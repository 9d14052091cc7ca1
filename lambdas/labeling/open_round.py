"""Opens a round of tasks for people; the state waits until the last one is answered.

In:  {"kind": "label" | "verify", "token": task token, "execution", "model", "classes", "round": number}
Out: nothing here: the answer that completes the round gives {"round": id} to the token.

A label round asks about the images of `Lists.images(round)`. A verify round asks about the boxes of that
label round, which takes no more answers from then on, so that a label round that ran out of time is
verified as far as it went.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.payloads import PATIENT, Deadline, Lists
from lambdas.labeling.rounds import LABEL, VERIFY, Round, Rounds, Task


@dataclass(frozen=True)
class Environment:
    """The labeling table and the bucket of the lists."""

    table: str
    artifacts_bucket: str


def handler(event: dict[str, Any], context: Any) -> None:
    """Open the round that the event names."""
    env = environment.read(Environment)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    rounds = Rounds(table, boto3.client("stepfunctions"))
    opened = Round(event["kind"], event["model"], event["execution"], event["round"], tuple(event["classes"]))
    if opened.kind == VERIFY:
        label_round = replace(opened, kind=LABEL)
        rounds.close(label_round.id)
        tasks = list(to_verify(rounds.tasks(label_round.id)))
    else:
        tasks = to_label(json_lines.read(boto3.client("s3"), lists.images(opened.number)))
    rounds.open(opened, tasks, token=event["token"], deadline=Deadline(context))


def to_label(images: Iterator[dict[str, Any]]) -> list[Task]:
    """One task an image, numbered from 1 in the order of the list."""
    return [
        Task(number, image["uri"], image["width"], image["height"], rejected=image.get("rejected"))
        for number, image in enumerate(images, start=1)
    ]


def to_verify(labeled: Iterator[Task]) -> Iterator[Task]:
    """One task for each that was answered with boxes, under the same number."""
    for task in labeled:
        if task.answer is not None and "boxes" in task.answer:
            yield Task(
                task.number,
                task.image_uri,
                task.width,
                task.height,
                boxes=task.answer["boxes"],
                labeled_by=task.answered_by,
            )
