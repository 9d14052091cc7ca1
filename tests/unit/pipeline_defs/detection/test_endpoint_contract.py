"""The contract's cases, asked of the inference code itself and of endpoints that break it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from inference import serving
from inference.endpoint_requests import CONTENT_TYPES, RequestError
from inference.pictures import MAX_PIXELS
from pipeline_defs.common.endpoint import Reply, Request
from pipeline_defs.common.endpoint_contract import Case, Finding, check_contract, picture
from pipeline_defs.detection.endpoint_contract import contract

GOOD = Case("a picture", "200", Request("image/jpeg", picture("JPEG")))
EMPTY = Case("an empty body", "400", Request("image/jpeg", b""))


class Attributes:
    """The part of the model server's context that carries custom attributes."""

    def __init__(self, attributes: str) -> None:
        self._headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes}
        self.request_processor = [self]

    def get_request_properties(self) -> dict[str, str]:
        return self._headers


class Model:
    """Finds nothing."""

    def detect(self, picture: Any, min_score: float) -> list[Any]:
        return []


def served(request: Request) -> Reply:
    """What an endpoint with our inference code says."""
    try:
        data = serving.input_fn(bytearray(request.body), request.content_type, Attributes(request.attributes))
        body, _ = serving.output_fn(serving.predict_fn(data, Model()), "application/json")  # type: ignore[arg-type]
        return Reply(200, "", body.encode())
    except RequestError as error:
        return Reply(error.status_code, error.message, b"")


def answering(**replies: Reply) -> Callable[[Request], Reply]:
    """An endpoint that keeps the contract but for an empty body, or for what comes after it."""
    asked: list[Request] = []

    def ask(request: Request) -> Reply:
        asked.append(request)
        if not request.body and "empty" in replies:
            return replies["empty"]
        if "afterwards" in replies and request.body and any(not before.body for before in asked):
            return replies["afterwards"]
        if "picture" in replies and request.body:
            return replies["picture"]
        return served(request)

    return ask


def test_our_inference_code_keeps_every_promise() -> None:
    findings = check_contract(served, contract())
    assert [finding for finding in findings if not finding.passed] == []
    assert {finding.case for finding in findings} >= {*CONTENT_TYPES, "an empty body", "no picture"}
    assert all(finding.reason for finding in findings if finding.expected != "200")


def test_each_case_of_a_refusal_is_one_by_itself() -> None:
    """No case is refused for another's reason."""
    reasons = [served(case.request).reason for case in contract() if case.expected != "200"]
    assert len(set(reasons)) == len(reasons)


def test_the_largest_picture_is_one_that_is_just_taken() -> None:
    [case] = [case for case in contract() if case.name == "the largest picture"]
    assert case.size[0] * case.size[1] == MAX_PIXELS
    assert len(case.request.body) < 4 * 1024 * 1024, "a serverless endpoint takes no more"


def findings_of(ask: Callable[[Request], Reply], *cases: Case) -> list[Finding]:
    return check_contract(ask, cases or [EMPTY])


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(500, "division by zero", b""), "500: division by zero"),
        (Reply(200, "", b"{}"), "200: no reason"),
        (Reply(415, "no", b""), "415: no"),
        (Reply(400, "", b""), "400 without a reason"),
        (Reply(None, "connection closed", b""), "no answer: connection closed"),
    ],
)
def test_another_answer_than_the_promised_refusal_is_found(reply: Reply, reason: str) -> None:
    [finding] = findings_of(answering(empty=reply))
    assert (finding.passed, finding.status, finding.reason) == (False, reply.status, reason)


def test_an_endpoint_that_a_case_kills_is_found() -> None:
    [finding] = findings_of(answering(afterwards=Reply(503, "no instance is healthy", b"")))
    assert not finding.passed
    assert finding.reason == "afterwards it does not answer a picture: 503: no instance is healthy"


def test_all_that_is_wrong_with_a_case_is_said_and_the_rest_is_asked() -> None:
    ask = answering(empty=Reply(500, "boom", b""), afterwards=Reply(None, "gone", b""))
    findings = findings_of(ask, EMPTY, GOOD)
    assert findings[0].reason == "500: boom; afterwards it does not answer a picture: no answer: gone"
    assert [finding.case for finding in findings] == ["an empty body", "a picture"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "not the promised JSON"),
        (b"[]", "not the promised JSON"),
        (json.dumps({"width": 96, "height": 64}).encode(), "not the promised JSON"),
        (json.dumps({"width": 64, "height": 96, "detections": []}).encode(), "64x96 pixels, not 96x64"),
    ],
)
def test_an_answer_that_is_not_as_promised_is_found(body: bytes, reason: str) -> None:
    [finding] = findings_of(answering(picture=Reply(200, "", body)), GOOD)
    assert not finding.passed
    assert reason in finding.reason


def test_any_refusal_of_the_client_will_do_where_sagemaker_may_be_first() -> None:
    either = replace(EMPTY, expected="4xx")
    assert findings_of(answering(empty=Reply(413, "too large", b"")), either)[0].passed
    assert not findings_of(answering(empty=Reply(500, "too large", b"")), either)[0].passed
