"""Writes what a round came to: labels to the Feature Store, then the manifest and the quarantine list.

In:  {"execution", "model", "classes", "suggestions", "round": n}: rounds 1 to n - 1 are over, the last of
     them is to be written
Out: {"model", "labeled", "relabeled", "settled", "quarantined", "unresolved", "manifest": uri | null,
     "quarantine": uri | null, "suggestions": as given}, of all rounds so far; `labeled` counts all that got a
     label, `relabeled` those of them that had been rejected before, `settled` those a supervisor decided.

A label that is verified waits for no other one: it is written after its round. Each label is written and then
entered in the ledger; a second attempt finds what is done. A record has the time of its verification as its
event time, so that writing it twice changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import boto3

from lambdas.common import environment, json_lines
from lambdas.common.objects import split_uri
from lambdas.labeling.image_ledger import FREE, IN_ROUND, LABELED, QUARANTINED, ImageLedger
from lambdas.labeling.judgement import APPROVED, GOES_ON, UNRESOLVED, UNUSABLE
from lambdas.labeling.manifest import feature_record, manifest_line
from lambdas.labeling.payloads import PATIENT, Deadline, Lists

_WRITERS = 12
_STATUS = {APPROVED: LABELED, UNUSABLE: QUARANTINED, UNRESOLVED: FREE}


@dataclass(frozen=True)
class Environment:
    """The labeling table, the bucket of the lists and the name of the labels feature group."""

    table: str
    artifacts_bucket: str
    feature_group: str


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write everything, and say how much it was."""
    env = environment.read(Environment)
    s3 = boto3.client("s3", config=PATIENT)
    store = boto3.client("sagemaker-featurestore-runtime", config=PATIENT)
    table = boto3.resource("dynamodb", config=PATIENT).Table(env.table)
    lists = Lists(env.artifacts_bucket, event["model"], event["execution"])

    def put(outcome: dict[str, Any]) -> None:
        record = feature_record(outcome, model=lists.model, job=lists.name, classes=event["classes"])
        store.put_record(FeatureGroupName=env.feature_group, Record=record)

    if event["round"] > 1:
        settlement = Settlement(ImageLedger(table, lists.model), lists.execution, put)
        over = json_lines.read(s3, lists.answers(event["round"] - 1))
        written = settlement.all(final(over), Deadline(context))
        json_lines.write(s3, lists.written(event["round"] - 1), written)
    outcomes = [
        outcome
        for number in range(1, event["round"])
        for outcome in json_lines.read(s3, lists.written(number))
    ]
    results = write_results(s3, lists, outcomes, event["classes"])
    return {**results, "suggestions": event.get("suggestions")}


def final(outcomes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The outcomes with which the execution is done; the other images come again."""
    return (outcome for outcome in outcomes if outcome["outcome"] not in GOES_ON)


class Settlement:
    """Writes outcomes where they are the truth from then on; `put` writes one record."""

    def __init__(self, ledger: ImageLedger, execution: str, put: Callable[[dict[str, Any]], None]) -> None:
        self._ledger, self._execution, self._put = ledger, execution, put

    def all(self, outcomes: Iterator[dict[str, Any]], deadline: Deadline) -> list[dict[str, Any]]:
        """Settle each outcome, in parallel, and return them; OutOfTime if the deadline comes first."""

        def settle(outcome: dict[str, Any]) -> dict[str, Any]:
            deadline.check("some labels are not written yet")
            return self.one(outcome)

        with ThreadPoolExecutor(_WRITERS) as pool:
            return list(pool.map(settle, outcomes))

    def one(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Settle one outcome; it comes back unresolved where the image has gone to another execution."""
        _, key = split_uri(outcome["uri"])
        seen = self._ledger.entry(key)
        status = _STATUS[outcome["outcome"]]
        if seen is not None and seen.execution == self._execution:
            if seen.status == status:
                return outcome
            if seen.status == IN_ROUND:
                if outcome["outcome"] in (APPROVED, UNUSABLE) and "at" in outcome:
                    self._put(outcome)
                if self._ledger.change(replace(seen, status=status, reason=outcome.get("reason", "")), seen):
                    return outcome
        reason = "another execution has taken the image meanwhile"
        return {**outcome, "outcome": UNRESOLVED, "reason": reason}


def write_results(
    s3: Any, lists: Lists, outcomes: list[dict[str, Any]], classes: list[str]
) -> dict[str, Any]:  # fmt: skip
    """Write the manifest and the quarantine list, where there is anything in them; return the output."""
    approved = [outcome for outcome in outcomes if outcome["outcome"] == APPROVED]
    lines = [manifest_line(outcome, classes=classes, job=lists.name) for outcome in approved]
    set_aside = list(json_lines.read(s3, lists.set_aside))
    unlabeled = [outcome for outcome in outcomes if outcome["outcome"] != APPROVED]
    counts = Counter(outcome["outcome"] for outcome in unlabeled)
    quarantine = [_quarantined(row) for row in (*set_aside, *unlabeled)]
    return {
        "model": lists.model,
        "labeled": len(approved),
        "relabeled": sum("rejections" in outcome for outcome in approved),
        "settled": sum("settled" in outcome.get("annotators", {}) for outcome in approved),
        "quarantined": len(set_aside) + counts[UNUSABLE],
        "unresolved": counts[UNRESOLVED],
        "manifest": _write_unless_empty(s3, lists.manifest, lines),
        "quarantine": _write_unless_empty(s3, lists.quarantine, quarantine),
    }


def _quarantined(row: dict[str, Any]) -> dict[str, Any]:
    digest = {"sha256": row["sha256"]} if "sha256" in row else {}
    return {"source-ref": row["uri"], **digest, "reason": row["reason"]}


def _write_unless_empty(s3: Any, uri: str, rows: list[dict[str, Any]]) -> str | None:
    if not rows:
        return None
    json_lines.write(s3, uri, rows)
    return uri
