"""Reads what came of one round of labelling and verification, and lists what has to be labelled again.

In:  {"execution", "model", "classes", "round": n}
Out: the same with round n + 1 and "count", how many images were rejected and may have another round.
     What came of each image is in `Lists.answers(n)`, the rejected ones are in `Lists.images(n + 1)`.

Anybody may label a rejected image again, who sees the rejected boxes and the reason; whoever does cannot
verify it. An image that was rejected in the last round, or that nobody came to, is unresolved: the next
execution takes it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.payloads import PATIENT, Lists
from lambdas.labeling.rounds import LABEL, VERIFY, Kind, Round, Rounds, Task

APPROVED, REJECTED, UNUSABLE, UNRESOLVED = "approved", "rejected", "unusable", "unresolved"


@dataclass(frozen=True)
class Environment:
    """The labeling table, the bucket of the lists, and how often an image is asked about."""

    table: str
    artifacts_bucket: str
    max_rounds: int


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Close the round and write both lists."""
    del context
    env = environment.read(Environment)
    s3, number = boto3.client("s3", config=PATIENT), event["round"]
    rounds = Rounds(
        boto3.resource("dynamodb", config=PATIENT).Table(env.table), boto3.client("stepfunctions")
    )
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    labeled, verified = (_answered(rounds, event, kind) for kind in (LABEL, VERIFY))
    images = json_lines.read(s3, lists.images(number))
    outcomes = [
        {**outcome, "round": number}
        for outcome in judged(images, labeled, verified, is_last=number >= env.max_rounds)
    ]
    json_lines.write(s3, lists.answers(number), outcomes)
    count = json_lines.write(s3, lists.images(number + 1), to_label_again(outcomes))
    return {**event, "round": number + 1, "count": count}


def _answered(rounds: Rounds, event: dict[str, Any], kind: Kind) -> dict[int, Task]:
    this = Round(kind, event["model"], event["execution"], event["round"], tuple(event["classes"]))
    rounds.close(this.id)
    return {task.number: task for task in rounds.tasks(this.id) if task.answer is not None}


def judged(
    images: Iterable[dict[str, Any]], labeled: dict[int, Task], verified: dict[int, Task], *, is_last: bool
) -> Iterator[dict[str, Any]]:
    """Each image with its `outcome`, and what belongs to it: boxes, labeled_by, verified_by, at, reason."""
    for number, image in enumerate(images, start=1):
        known = {name: value for name, value in image.items() if name != "rejected"}
        yield {**known, **_outcome(labeled.get(number), verified.get(number), is_last=is_last)}


def _outcome(labeled: Task | None, verified: Task | None, *, is_last: bool) -> dict[str, Any]:
    if labeled is None or labeled.answer is None:
        return {"outcome": UNRESOLVED, "reason": "nobody labelled it while the round was open"}
    if "unusable" in labeled.answer:
        reason = f"unusable: {labeled.answer['unusable']}"
        return {"outcome": UNUSABLE, "reason": reason, "labeled_by": labeled.answered_by}
    answer = {"boxes": labeled.answer["boxes"], "labeled_by": labeled.answered_by}
    if verified is None or verified.answer is None:
        reason = "nobody verified its label while the round was open"
        return {"outcome": UNRESOLVED, "reason": reason, **answer}
    answer |= {"verified_by": verified.answered_by, "at": verified.answered_at}
    if verified.answer["verdict"] == "approve":
        return {"outcome": APPROVED, **answer}
    reason = verified.answer["reason"]
    if is_last:
        return {"outcome": UNRESOLVED, "reason": f"rejected in the last round: {reason}", **answer}
    return {"outcome": REJECTED, "reason": reason, **answer}


def to_label_again(outcomes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rejected images as the next round's list, each with what was rejected and why."""
    of_the_answer = {"outcome", "round", "boxes", "labeled_by", "verified_by", "at", "reason"}
    for outcome in outcomes:
        if outcome["outcome"] == REJECTED:
            image = {name: value for name, value in outcome.items() if name not in of_the_answer}
            yield {**image, "rejected": {"boxes": outcome["boxes"], "reason": outcome["reason"]}}
