"""Reads what came of one round of labelling and verification, or of settling, and lists what goes on.

In:  {"execution", "model", "classes", "suggestions", "round": n, "settled": whether it was a settle round}
Out: {"execution", "model", "classes", "suggestions", "round": n + 1, "count": how many images have another
     round, "disputed": how many of all rounds a supervisor has to settle}.
     What came of each image is in `Lists.answers(n)` (lambdas/labeling/judgement.py says what that can be),
     those of the next round are in `Lists.images(n + 1)`.

Anybody may label a rejected image again, who sees the rejected boxes and the reason; whoever does cannot
verify it. A round in which nobody did anything is not repeated: the next execution takes its images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.labeling.drawn_labels import LabelRound, skipped
from lambdas.labeling.judgement import DISPUTED, Judge, for_next_round, settled
from lambdas.labeling.payloads import PATIENT, Lists
from lambdas.labeling.rounds import LABEL, SETTLE, VERIFY, Kind, Round, Rounds


@dataclass(frozen=True)
class Environment:
    """The labeling table, the bucket of the lists, how often an image is asked about, what matches."""

    table: str
    artifacts_bucket: str
    max_rounds: int
    consensus_iou: float


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Close the round and write both lists."""
    del context
    env = environment.read(Environment)
    s3, number = boto3.client("s3", config=PATIENT), event["round"]
    rounds = Rounds(
        boto3.resource("dynamodb", config=PATIENT).Table(env.table), boto3.client("stepfunctions")
    )
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])
    passed_on = {name: event[name] for name in ("execution", "model", "classes", "suggestions")}
    if event["settled"]:
        decisions = {one.image_number: one for one in rounds.answers(_closed(rounds, event, SETTLE))}
        rows = settled(disputed(s3, lists, rounds=number - 1), decisions, number=number)
        json_lines.write(s3, lists.answers(number), rows)
        return {**passed_on, "round": number + 1, "count": 0, "disputed": 0}
    outcomes = list(_judged(s3, lists, rounds, event, env))
    json_lines.write(s3, lists.answers(number), outcomes)
    count = json_lines.write(s3, lists.images(number + 1), for_next_round(outcomes))
    to_settle = sum(1 for _ in disputed(s3, lists, rounds=number))
    return {**passed_on, "round": number + 1, "count": count, "disputed": to_settle}


def disputed(s3: Any, lists: Lists, *, rounds: int) -> Iterator[dict[str, Any]]:
    """The images that a supervisor has to settle, of all rounds, in an order that stays."""
    for number in range(1, rounds + 1):
        for outcome in json_lines.read(s3, lists.answers(number)):
            if outcome["outcome"] == DISPUTED:
                yield outcome


def _judged(
    s3: Any, lists: Lists, rounds: Rounds, event: dict[str, Any], env: Environment
) -> Iterator[dict[str, Any]]:
    label_round, verify_round = (_closed(rounds, event, kind) for kind in (LABEL, VERIFY))
    labels = LabelRound(rounds.answers(label_round), rounds.tasks(label_round), iou=env.consensus_iou)
    verified = {answer.image_number: answer for answer in rounds.answers(verify_round)}
    is_last = event["round"] >= env.max_rounds
    judge = Judge(
        event["round"],
        is_last=is_last,
        again=not is_last and (labels.any_answer or bool(verified)),
        verified=verified,
        skipped=skipped(rounds.tasks(verify_round)),
    )
    return judge.outcomes(labels.drawn(json_lines.read(s3, lists.images(event["round"]))))


def _closed(rounds: Rounds, event: dict[str, Any], kind: Kind) -> str:
    """Close a round, and give its id."""
    this = Round(kind, event["model"], event["execution"], event["round"], tuple(event["classes"]))
    rounds.close(this.id)
    return this.id
