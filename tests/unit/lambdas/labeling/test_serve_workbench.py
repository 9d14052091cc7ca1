import json
from typing import Any

import pytest

from lambdas.common.proxied import Refused
from lambdas.labeling.offers import Pictures, task_offered
from lambdas.labeling.rounds import Task
from lambdas.labeling.serve_workbench import handler, wanted_of
from lambdas.labeling.task_queue import Claimed, Wanted

BOXES = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
COMMON = {
    "task_id": "ab-3",
    "model": "tags",
    "round": "ab",
    "image_uri": "s3://images/images/tags/3.jpg",
    "image_url": "https://images/images/tags/3.jpg?get_object&600",
    "width": 9,
    "height": 8,
    "classes": ["scratch"],
    "leased_until": "2001-09-09T01:46:40Z",
}


class PresigningS3:
    def generate_presigned_url(self, operation: str, *, Params: dict[str, str], ExpiresIn: int) -> str:  # noqa: N803
        return f"https://{Params['Bucket']}/{Params['Key']}?{operation}&{ExpiresIn}"


def shown(kind: str, who: str = "bob", item: dict[str, Any] | None = None, **of: Any) -> dict[str, Any]:
    task = Task(3, "s3://images/images/tags/3.jpg", 9, 8, **of)
    of_round = {"kind": kind, "model": "tags", "classes": ["scratch"]}
    claimed = Claimed("ab", of_round, task, {"available_at": 1_000_000_000, **(item or {})})
    return task_offered(claimed, Pictures(PresigningS3(), "images"), who)


def test_who_is_not_signed_in_is_answered_with_401() -> None:
    reply = handler({"requestContext": {"authorizer": None}}, None)
    assert reply["statusCode"] == 401
    assert json.loads(reply["body"])["message"].startswith("sign in")
    assert reply["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "label"}, Wanted("label", 10)),
        ({"kind": "verify", "limit": 1}, Wanted("verify", 1)),
        ({"kind": "settle", "limit": 50, "model": "tags"}, Wanted("settle", 50, "tags")),
        ({"kind": "label", "round": "0123456789abcdef"}, Wanted("label", 10, None, "0123456789abcdef")),
    ],
)
def test_a_claim_has_a_kind_and_perhaps_more(body: dict[str, Any], expected: Wanted) -> None:
    assert wanted_of(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        {}, {"kind": "rounds"}, {"kind": ["label"]}, {"kind": "label", "limit": 0},
        {"kind": "label", "limit": 51}, {"kind": "label", "limit": True}, {"kind": "label", "limit": "5"},
        {"kind": "label", "limit": 1e400}, {"kind": "label", "model": 7},
        {"kind": "label", "round": "ROUND#1"}, {"kind": "label", "round": ["a"]},
    ],
)  # fmt: skip
def test_any_other_claim_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        wanted_of(body)
    assert refused.value.status == 400


def test_a_task_is_offered_with_what_it_takes_to_answer_it() -> None:
    assert shown("verify", boxes=BOXES, labeled_by=("ann",)) == {**COMMON, "kind": "verify", "boxes": BOXES}
    assert shown("label") == {**COMMON, "kind": "label"}
    candidates = [{"by": "ann", "boxes": BOXES}]
    assert shown("settle", candidates=candidates) == {**COMMON, "kind": "settle", "candidates": candidates}


def test_what_came_before_and_what_a_model_says_are_offered_too() -> None:
    rejected = {"boxes": BOXES, "reason": "one is missing"}
    suggested = {"boxes": [{**BOXES[0], "score": 0.9}], "model_package_arn": "arn:1"}
    offered = shown("label", rejected=rejected, suggested=suggested)
    assert (offered["rejected"], offered["suggested"]) == (rejected, suggested)


def test_a_draft_is_shown_to_nobody_but_who_drew_it() -> None:
    drafted = {
        "draft": json.dumps(BOXES), "drafted_by": "bob", "draft_at": "2026-11-21T00:00:00Z",
        "draft_sequence": 7,
    }  # fmt: skip
    draft = {"boxes": BOXES, "saved_at": "2026-11-21T00:00:00Z", "sequence": 7}
    assert shown("label", "bob", drafted)["draft"] == draft
    assert "draft" not in shown("label", "ann", drafted)
