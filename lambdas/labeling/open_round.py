"""Opens a round of tasks for people; the state waits until the last one is answered.

In:  {"kind": "label" | "verify" | "settle", "token": task token, "execution", "model", "classes",
     "round": number}
Out: nothing here: the answer that completes the round gives {"round": id} to the token.

A label round asks ANNOTATORS people about each image of `Lists.images(round)`, and shows what the model in
prod would say, where `Lists.suggestions` has it. A verify round asks about the labels of that round, which
takes no more answers from then on, so that a label round that ran out of time is verified as far as it went.
A settle round asks supervisors about what all rounds before left disputed.
"""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.collect_answers import disputed
from lambdas.labeling.drawn_labels import Drawn, LabelRound
from lambdas.labeling.payloads import PATIENT, Deadline, Lists
from lambdas.labeling.rounds import LABEL, SETTLE, Round, Rounds, Task

# Bytes of JSON. An item of DynamoDB has 400 KB, and what was rejected, a draft and an answer are in it too.
_MOST_DRAWN = 200_000


@dataclass(frozen=True)
class Environment:
    """The labeling table, the bucket of the lists, and how a round is configured."""

    table: str
    artifacts_bucket: str
    annotators: int
    consensus_iou: float
    round_timeout_hours: int


def handler(event: dict[str, Any], context: Any) -> None:
    """Open the round that the event names."""
    env = environment.read(Environment)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    rounds = Rounds(table, boto3.client("stepfunctions"))
    opened = Round(event["kind"], event["model"], event["execution"], event["round"], tuple(event["classes"]))
    tasks = list(_tasks(rounds, opened, boto3.client("s3", config=PATIENT), lists, env))
    closes_at = datetime.now(UTC) + timedelta(hours=env.round_timeout_hours)
    rounds.open(
        opened,
        tasks,
        token=event["token"],
        deadline=Deadline(context),
        closes_at=closes_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _tasks(rounds: Rounds, opened: Round, s3: Any, lists: Lists, env: Environment) -> Iterator[Task]:
    if opened.kind == SETTLE:
        return to_settle(disputed(s3, lists, rounds=opened.number - 1))
    images = json_lines.read(s3, lists.images(opened.number))
    if opened.kind == LABEL:
        return to_label(images, annotators=env.annotators, suggested=suggestions(s3, lists))
    label_round = replace(opened, kind=LABEL).id
    rounds.close(label_round)
    answers, asked = rounds.answers(label_round), rounds.tasks(label_round)
    return to_verify(LabelRound(answers, asked, iou=env.consensus_iou).drawn(images))


def suggestions(s3: Any, lists: Lists) -> dict[str, dict[str, Any]]:
    """What the model in prod would say, by the image's URI; nothing where nobody asked it."""
    try:
        rows = list(json_lines.read(s3, lists.suggestions))
    except s3.exceptions.NoSuchKey:
        return {}
    return {row["uri"]: {name: row[name] for name in ("boxes", "model_package_arn")} for row in rows}


def to_label(
    images: Iterable[dict[str, Any]], *, annotators: int, suggested: Mapping[str, dict[str, Any]]
) -> Iterator[Task]:
    """A task for each image and annotator, numbered in the order of the list; none where it has a label.

    Whoever labels a rejected image again goes out from what was rejected, not from a suggestion.
    """
    for place, image in enumerate(images, start=1):
        if "labeled" in image:
            continue
        rejected = image.get("rejected")
        for number in range((place - 1) * annotators + 1, place * annotators + 1):
            yield Task(
                number,
                image["uri"],
                image["width"],
                image["height"],
                image_number=place,
                rejected=rejected,
                suggested=None if rejected else suggested.get(image["uri"]),
            )


def to_verify(drawn: Iterable[tuple[int, dict[str, Any], Drawn]]) -> Iterator[Task]:
    """One task for each image that has boxes, under its number."""
    for place, image, label in drawn:
        if label.boxes is not None:
            yield Task(
                place,
                image["uri"],
                image["width"],
                image["height"],
                boxes=label.boxes,
                labeled_by=label.by,
            )


def to_settle(images: Iterable[dict[str, Any]]) -> Iterator[Task]:
    """One task for each disputed image, with what was drawn on it; last what was rejected and why."""
    for place, image in enumerate(images, start=1):
        drawn = [
            {"by": entry["by"], "boxes": entry["boxes"]} for entry in image["history"] if "boxes" in entry
        ]
        yield Task(
            place,
            image["uri"],
            image["width"],
            image["height"],
            rejected=image.get("rejected"),
            candidates=_that_fit(drawn),
        )


def _that_fit(drawn: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """As many drawings as a task's item has room for, the last ones."""
    sizes = itertools.accumulate(len(json.dumps(one)) for one in reversed(drawn))
    fit = sum(size <= _MOST_DRAWN for size in sizes)
    return tuple(drawn[len(drawn) - fit :])
