import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.labeling import suggest_boxes
from lambdas.labeling.proposals import MAX_BOXES, Asked, NoProposal, Question, proposed
from lambdas.labeling.served_model import NotServing, served_package
from lambdas.labeling.suggest_boxes import FAILURES, answers

IMAGE = {"uri": "s3://images/images/tags/1.jpg", "width": 60, "height": 40}
FOUND = {"label": "scratch", "score": 0.87654, "box": [4, 3, 24.126, 13]}
PROPOSED = {"label": "scratch", "left": 4, "top": 3, "width": 20.13, "height": 10, "score": 0.8765}


def answered(*detections: dict[str, Any], width: int = 60) -> bytes:
    return json.dumps({"detections": list(detections), "width": width, "height": 40}).encode()


def refusal(code: str, message: str = "no", **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, **more}, "InvokeEndpoint")


def test_what_the_model_finds_is_a_box_with_its_score() -> None:
    assert proposed(answered(FOUND), IMAGE, ["scratch"]) == [PROPOSED]
    assert proposed(answered(), IMAGE, ["scratch"]) == []


def test_boxes_are_the_best_ones_inside_the_picture_of_classes_that_people_may_give() -> None:
    over = {**FOUND, "box": [50, -5, 70, 20]}
    [box] = proposed(answered(over), IMAGE, ["scratch"])
    assert {side: box[side] for side in ("left", "top", "width", "height")} == {
        "left": 50, "top": 0, "width": 10, "height": 20,
    }  # fmt: skip
    assert proposed(answered(FOUND), IMAGE, ["dent"]) == []
    assert proposed(answered({**FOUND, "box": [4, 3, 4.5, 13]}), IMAGE, ["scratch"]) == []
    many = [{**FOUND, "score": number / 1000} for number in range(300)]
    scores = [box["score"] for box in proposed(answered(*many), IMAGE, ["scratch"])]
    assert scores == [number / 1000 for number in range(299, 299 - MAX_BOXES, -1)]


@pytest.mark.parametrize(
    "answer",
    [
        b"oops",
        b"[]",
        b'{"width": 60, "height": 40}',
        answered({**FOUND, "box": [1]}),
        answered(width=61),
        answered({**FOUND, "score": float("nan")}),
        answered({**FOUND, "score": "inf"}),
        answered({**FOUND, "box": [4, float("nan"), 24, 13]}),
    ],
)
def test_what_is_no_answer_about_this_picture_is_no_proposal(answer: bytes) -> None:
    with pytest.raises(NoProposal, match="s3://images/images/tags/1"):
        proposed(answer, IMAGE, ["scratch"])


class Store:
    def __init__(self, body: bytes | None) -> None:
        self.body = body

    def get_object(self, **_: Any) -> dict[str, Any]:
        if self.body is None:
            raise refusal("NoSuchKey")
        return {"Body": io.BytesIO(self.body), "ContentLength": len(self.body)}


class Runtime:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.requests = error, []

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.error:
            raise self.error
        return {"Body": io.BytesIO(answered(FOUND))}


@pytest.mark.parametrize(("component", "named"), [(None, {}), ("c", {"InferenceComponentName": "c"})])
def test_each_kind_of_endpoint_is_asked(component: str | None, named: dict[str, str]) -> None:
    runtime = Runtime()
    asked = Asked("edgeline-tags-prod", component, at_once=2, bytes=100)
    row = Question(Store(b"picture"), runtime, asked, ["scratch"]).ask(IMAGE)
    assert row == {"uri": IMAGE["uri"], "boxes": [PROPOSED]}
    [request] = runtime.requests
    assert (request["EndpointName"], request["Body"]) == ("edgeline-tags-prod", b"picture")
    assert {key: request[key] for key in request if key == "InferenceComponentName"} == named


@pytest.mark.parametrize(
    ("body", "error", "raised"),
    [
        (None, None, NoProposal),
        (b"p" * 101, None, NoProposal),
        (b"p", refusal("ModelError", OriginalStatusCode=400), NoProposal),
        (b"p", refusal("ModelError", OriginalStatusCode=500), ClientError),
        (b"p", refusal("ThrottlingException"), ClientError),
    ],
)
def test_the_pictures_fault_is_told_from_the_endpoints(
    body: bytes | None, error: Exception | None, raised: type[Exception]
) -> None:
    asked = Asked("e", None, at_once=2, bytes=100)
    with pytest.raises(raised):
        Question(Store(body), Runtime(error), asked, ["scratch"]).ask(IMAGE)


IMAGES = [{**IMAGE, "uri": f"s3://images/{number}"} for number in range(60)]


def asked_about(
    images: list[dict[str, Any]],
    wrong: Callable[[str], Exception | None],
    *,
    at_once: int = 2,
    seconds: float = 60,
) -> tuple[list[dict[str, Any]], str]:
    """Ask about images; `wrong` says what is raised about one, None for an answer."""

    def ask(image: dict[str, Any]) -> dict[str, Any]:
        error = wrong(image["uri"])
        if error is not None:
            raise error
        return {"uri": image["uri"], "boxes": []}

    return answers(ask, images, at_once=at_once, warm_by=time.monotonic() + seconds, rest_seconds=0)


def test_every_image_is_answered_in_order() -> None:
    rows, reason = asked_about(IMAGES, lambda uri: None, at_once=4)
    assert [row["uri"] for row in rows] == [image["uri"] for image in IMAGES]
    assert reason == ""
    assert asked_about([], lambda uri: None) == ([], "")


def test_pictures_without_an_answer_cost_the_others_nothing_and_are_told() -> None:
    bad = {"s3://images/3", "s3://images/4"}
    gone = {uri: NoProposal(f"{uri} is gone") for uri in bad}
    rows, reason = asked_about(IMAGES, gone.get, at_once=1)
    assert (len(rows), reason) == (58, "s3://images/3 is gone")


def test_a_dead_endpoint_is_asked_no_more_after_some_failures() -> None:
    asked: list[str] = []

    def dies(uri: str) -> Exception | None:
        asked.append(uri)
        return refusal("ModelError", "dead") if len(asked) > 12 else None

    rows, reason = asked_about(IMAGES, dies, at_once=1)
    assert (len(rows), len(asked)) == (11, 12 + FAILURES)
    assert "dead" in reason


def test_a_cold_endpoint_is_waited_for() -> None:
    times = iter([ReadTimeoutError(endpoint_url="x"), refusal("ServiceUnavailable")])
    rows, _ = asked_about(IMAGES, lambda uri: next(times, None))
    assert len(rows) == 60


def test_a_picture_that_kills_the_model_is_not_the_only_one_that_is_tried() -> None:
    rows, _ = asked_about(IMAGES, lambda uri: refusal("ModelError") if uri.endswith("/0") else None)
    assert len(rows) == 59


def test_an_endpoint_that_stays_cold_is_given_up() -> None:
    with pytest.raises(ClientError, match="asleep"):
        asked_about(IMAGES, lambda uri: refusal("ValidationError", "asleep"), seconds=-1)


def test_when_the_time_is_over_what_there_is_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest_boxes, "SECONDS", -1.0)
    rows, reason = asked_about(IMAGES, lambda uri: None)
    assert rows == []
    assert reason.startswith("the time was over")


class SageMaker:
    """Describes what a test says; the rest is not there."""

    def __init__(self, **described: dict[str, Any]) -> None:
        self.described = described

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        def describe(**_: str) -> dict[str, Any]:
            if name not in self.described:
                raise refusal("ValidationException", 'Could not find endpoint "arn:..."')
            return self.described[name]

        return describe


ENDPOINT = {"EndpointStatus": "InService", "EndpointConfigName": "v3"}
CONFIG = {"ProductionVariants": [{"ModelName": "m3"}]}
MODEL = {"PrimaryContainer": {"ModelPackageName": "arn:package/3"}}
COMPONENT = {"InferenceComponentStatus": "InService", "Specification": {"ModelName": "m3"}}


def test_the_package_in_service_is_named() -> None:
    whole = SageMaker(describe_endpoint=ENDPOINT, describe_endpoint_config=CONFIG, describe_model=MODEL)
    assert served_package(whole, "e", None) == "arn:package/3"
    copies = SageMaker(
        describe_endpoint=ENDPOINT, describe_inference_component=COMPONENT, describe_model=MODEL
    )
    assert served_package(copies, "e", "c") == "arn:package/3"


@pytest.mark.parametrize(
    ("described", "component", "why"),
    [
        ({}, None, "there is no endpoint e"),
        (
            {"describe_endpoint": {**ENDPOINT, "EndpointStatus": "Updating"}},
            None,
            "the endpoint e is Updating",
        ),
        ({"describe_endpoint": ENDPOINT}, "c", "there is no inference component c"),
        (
            {
                "describe_endpoint": ENDPOINT,
                "describe_endpoint_config": CONFIG,
                "describe_model": {"PrimaryContainer": {}},
            },
            None,
            "made from no package",
        ),
    ],
)
def test_what_serves_no_package_says_so(described: dict[str, Any], component: str | None, why: str) -> None:
    with pytest.raises(NotServing, match=why):
        served_package(SageMaker(**described), "e", component)


def test_a_refused_description_is_an_error() -> None:
    class Refuses:
        def describe_endpoint(self, **_: str) -> None:
            raise refusal("AccessDeniedException")

    with pytest.raises(ClientError):
        served_package(Refuses(), "e", None)
