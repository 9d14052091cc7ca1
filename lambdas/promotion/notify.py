"""Tell people how a promotion ended, and where the evidence is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import message_of
from lambdas.common.packages import PackageArn
from lambdas.promotion.tree_notice import tree_notice

_LONGEST_SUBJECT = 100
_KEEPS = {
    "Superseded": "A package that was approved later has had its turn; prod keeps what it serves.",
    "NoLongerApproved": "The approval was withdrawn; what was deployed of it was put back.",
    "PackageChanged": "It was changed after its approval: approve it again if that is meant.",
    "NothingToGoBackTo": "Prod keeps what it serves: approve and promote another one.",
}
_PUT_BACK = "Staging and prod have been put back to what they served before."


@dataclass(frozen=True)
class Environment:
    """Whom to tell."""

    topic_arn: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Publish one notice.

    In: {"promotion": the whole state of the promotion, "execution"}.
    Out: {"subject"}.
    """
    subject, message = notice(event["promotion"], event["execution"])
    topic = environment.read(Environment).topic_arn
    boto3.client("sns").publish(TopicArn=topic, Subject=subject, Message=message)
    return {"subject": subject}


def notice(promotion: Mapping[str, Any], execution: str) -> tuple[str, str]:
    """Word a notice: its subject, of at most 100 characters, and its lines."""
    if "set" in promotion:
        subject, lines = tree_notice(promotion)
        return subject[:_LONGEST_SUBJECT], "\n".join([*lines, "", *_facts(promotion, execution)])
    version = PackageArn.parse(promotion["model_package_arn"]).version
    what = f"{promotion['model']} {version}"
    if promotion.get("rollback_failure"):
        subject, lines = f"{what}: THE WAY BACK FAILED, look at prod", _way_back_failed(promotion)
    elif promotion.get("failure"):
        subject, lines = _failed(promotion, what)
    else:
        subject, lines = _in_prod(promotion, what)
    return subject[:_LONGEST_SUBJECT], "\n".join([*lines, "", *_facts(promotion, execution)])


def _facts(promotion: Mapping[str, Any], execution: str) -> list[str]:
    return [
        f"package: {promotion['model_package_arn']}",
        f"approved: {promotion['approved_at']} by {promotion['approved_by'] or 'unknown'}",
        f"record: {(promotion.get('release') or {}).get('uri', 'none could be kept')}",
        f"execution: {execution}",
        *_besides(promotion),
    ]


def _in_prod(promotion: Mapping[str, Any], what: str) -> tuple[str, list[str]]:
    before = (promotion.get("prod_before") or {}).get("model_package") or "nothing"
    if promotion["purpose"] == "roll back":
        rejected = PackageArn.parse(promotion["rejected"]).version
        line = f"{promotion['rejected']} was rejected by {promotion['rejected_by'] or 'unknown'}."
        return f"{what} is back in prod, {rejected} was rejected", [line]
    if promotion["purpose"] == "recover":
        done = "deployed" if promotion["todo"] == "prod" else "found"
        was = promotion["cut_off"]["execution"]
        return f"{what} was {done} in prod after an execution was cut off", [f"It was {was}."]
    return f"{what} is in prod", [f"It replaces {before}."]


def _failed(promotion: Mapping[str, Any], what: str) -> tuple[str, list[str]]:
    failure = promotion["failure"]
    verb = {"promote": "was not promoted", "roll back": "is not rolled back"}.get(
        promotion["purpose"], "is not recovered"
    )
    begun = "staging_before" in promotion or "prod_before" in promotion
    back = _PUT_BACK if begun else "Nothing was deployed."
    lines = [message_of(failure["Cause"]), _KEEPS.get(failure["Error"], back)]
    return f"{what} {verb}: {failure['Error']}", lines


def _way_back_failed(promotion: Mapping[str, Any]) -> list[str]:
    return [
        f"Why it had to go back: {message_of(promotion['failure']['Cause'])}",
        f"Why it could not: {message_of(promotion['rollback_failure']['Cause'])}",
    ]


def _besides(promotion: Mapping[str, Any]) -> list[str]:
    told = {
        "mark_failure": "its life cycle in the registry is not up to date",
        "staging_failure": "staging could not be brought to the same release",
        "ledger_failure": "it is not in the ledger of releases, a roll back will not find it",
        "announcement_failure": "the fleet was not told",
    }
    return [
        f"besides: {text}: {message_of(promotion[name]['Cause'])}"
        for name, text in told.items()
        if promotion.get(name)
    ]
