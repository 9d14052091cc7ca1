import json

import pytest

from lambdas.labeling.rounds import Task
from lambdas.labeling.serve_workbench import body_of, caller, claim_of, handler, offered
from lambdas.labeling.task_queue import Claimed, Refused


class PresigningS3:
    def generate_presigned_url(self, operation: str, *, Params: dict[str, str], ExpiresIn: int) -> str:  # noqa: N803
        return f"https://{Params['Bucket']}/{Params['Key']}?{operation}&{ExpiresIn}"


def test_people_who_share_a_role_are_told_apart_by_their_session() -> None:
    arns = [f"arn:aws:sts::111122223333:assumed-role/Annotators/{name}" for name in ("ann", "bob")]
    callers = [caller({"requestContext": {"identity": {"userArn": arn}}}) for arn in arns]
    assert callers == arns


def test_an_unsigned_request_is_answered_with_403() -> None:
    answer = handler({"requestContext": {"identity": {"userArn": None}}}, None)
    assert answer["statusCode"] == 403
    assert json.loads(answer["body"]) == {"message": "sign the request as an IAM principal"}


@pytest.mark.parametrize("body", ["{", "nul", "[" * 100_000])
def test_a_body_that_is_not_json_is_refused(body: str) -> None:
    with pytest.raises(Refused, match="not JSON") as refused:
        body_of({"body": body})
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "label"}, ("label", 10)),
        ({"kind": "verify", "limit": 1}, ("verify", 1)),
        ({"kind": "label", "limit": 50}, ("label", 50)),
    ],
)
def test_a_claim_has_a_kind_and_perhaps_a_limit(body: object, expected: tuple[str, int]) -> None:
    assert claim_of(body) == expected


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"kind": "rounds"}, {"kind": ["label"]}, {"kind": "label", "limit": 0},
     {"kind": "label", "limit": 51}, {"kind": "label", "limit": True}, {"kind": "label", "limit": "5"}],
)  # fmt: skip
def test_any_other_claim_is_refused(body: object) -> None:
    with pytest.raises(Refused) as refused:
        claim_of(body)
    assert refused.value.status == 400


def test_a_task_is_offered_with_what_it_takes_to_answer_it() -> None:
    boxes = [{"label": "scratch", "left": 1, "top": 1, "width": 2, "height": 2}]
    task = Task(3, "s3://images/images/tags/3.jpg", 9, 8, boxes=boxes, labeled_by="ann")
    common = {
        "task_id": "ab-3",
        "image_uri": "s3://images/images/tags/3.jpg",
        "image_url": "https://images/images/tags/3.jpg?get_object&600",
        "width": 9,
        "height": 8,
        "classes": ["scratch"],
    }
    verify = offered(Claimed("ab-3", "verify", ("scratch",), task), PresigningS3())
    assert verify == {**common, "kind": "verify", "boxes": boxes}
    label = offered(Claimed("ab-3", "label", ("scratch",), task), PresigningS3())
    assert label == {**common, "kind": "label"}
