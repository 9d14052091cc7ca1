import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.recognition import recognize, recognizers

FITS = {"flowers": {"model": "flowers", "label_map_sha256": "f1"}}
Reply = dict[str, Any] | Exception


class Context:
    """Lambda's: how much of the function's time is left."""

    def __init__(self, seconds: float = 27) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Endpoints:
    """Answers by endpoint as SageMaker's runtime does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[dict[str, Any]] = []
        self.waited: list[int] = []

    def patient(self, seconds: int) -> "Endpoints":
        self.waited.append(seconds)
        return self

    def says(self, endpoint: str, label: str, score: float, **more: Any) -> None:
        rest: dict[str, Any] = {"label": "another", "score": 1 - score}
        labels = sorted([{"label": label, "score": score}, rest], key=lambda found: -found["score"])
        self.replies[endpoint] = {"labels": labels, "label_map_sha256": "", "children": {}, **more}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        reply = self.replies[request["EndpointName"]]
        if isinstance(reply, Exception):
            raise reply
        return {"Body": io.BytesIO(json.dumps(reply).encode())}


def client_error(code: str, message: str = "", **more: Any) -> ClientError:
    status = more.pop("status", 400)
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "InvokeEndpoint")  # type: ignore[arg-type]


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> Endpoints:
    endpoints = Endpoints()
    monkeypatch.setattr(recognize, "_runtime", endpoints.patient)
    endpoints.says("e-species", "flowers", 0.9, children=FITS)
    endpoints.says("e-flowers", "daisy", 0.8, label_map_sha256="f1")
    return endpoints


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    document = {
        "species": {
            "model": {"name": "species", "endpoint": "e-species", "min_score": 0.5, "component": None},
            "children": {
                "flowers": {
                    "name": "flowers", "endpoint": "e-flowers", "min_score": 0.6, "component": "c-flowers",
                },
            },
        }
    }  # fmt: skip
    (tmp_path / "recognizers.json").write_text(json.dumps(document))
    monkeypatch.setattr(recognizers, "__file__", str(tmp_path / "recognizers.py"))
    monkeypatch.setenv("RECOGNIZERS", "recognizers.json")

    def post(name: str = "species", seconds: float = 27, **changed: Any) -> dict[str, Any]:
        event = {
            "pathParameters": {"name": name},
            "headers": {"Content-Type": "image/jpeg"},
            "body": base64.b64encode(b"a picture").decode(),
            "isBase64Encoded": True,
            **changed,
        }
        response = recognize.handler(event, Context(seconds))
        return {**response, "body": json.loads(response["body"])}

    return post


def test_a_species_comes_with_the_path_that_led_to_it(endpoints: Endpoints, post: Any) -> None:
    response = post()

    assert response["statusCode"] == 200
    assert response["body"]["name"] == "daisy"
    assert response["body"]["level"] == "species"
    steps = [(step["model"], step["label"], step["score"], step["sure"]) for step in response["body"]["path"]]
    assert steps == [("species", "flowers", 0.9, True), ("flowers", "daisy", 0.8, True)]
    assert response["body"]["degraded"] is None
    assert response["body"]["refused"] is None


def test_both_models_get_the_very_picture_each_behind_its_endpoint_or_component(
    endpoints: Endpoints, post: Any
) -> None:
    post()

    assert [(a["EndpointName"], a.get("InferenceComponentName"), a["Body"]) for a in endpoints.asked] == [
        ("e-species", None, b"a picture"),
        ("e-flowers", "c-flowers", b"a picture"),
    ]


def test_a_child_that_is_not_sure_leaves_the_group(endpoints: Endpoints, post: Any) -> None:
    endpoints.says("e-flowers", "daisy", 0.55, label_map_sha256="f1")

    body = post()["body"]

    assert (body["name"], body["level"], body["degraded"]) == ("flowers", "group", None)
    assert body["path"][1]["sure"] is False


def test_where_neither_is_sure_nothing_is_said_and_it_says_so(endpoints: Endpoints, post: Any) -> None:
    endpoints.says("e-species", "flowers", 0.499, children=FITS)
    endpoints.replies["e-species"]["labels"] = [{"label": "flowers", "score": 0.4}]  # type: ignore[index]
    endpoints.says("e-flowers", "daisy", 0.51, label_map_sha256="f1")

    body = post()["body"]

    assert (body["name"], body["level"]) == (None, "none")
    assert "sure" in body["refused"]
    assert len(body["path"]) == 2


def test_a_label_of_the_parents_own_asks_no_child(endpoints: Endpoints, post: Any) -> None:
    endpoints.says("e-species", "mushroom", 0.9, children=FITS)

    body = post()["body"]

    assert (body["name"], body["level"], len(body["path"])) == ("mushroom", "species", 1)
    assert len(endpoints.asked) == 1


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ReadTimeoutError(endpoint_url="https://runtime"), "no answer in time"),
        (client_error("ModelNotReadyException", status=429), "not ready"),
        (client_error("ThrottlingException", status=429), "more requests"),
        (client_error("ModelError", status=424, OriginalStatusCode=500), "failed on the picture"),
        (client_error("ModelError", status=424, OriginalStatusCode=400, OriginalMessage="no"), "no"),
        (client_error("ValidationError", "Endpoint e-flowers of account 1 not found."), "no version"),
        ({"labels": "none"}, "no classification"),
        ({"labels": [], "label_map_sha256": "f1", "children": {}}, "no classification"),
    ],
)
def test_a_child_that_is_down_costs_the_species_and_not_the_answer(
    endpoints: Endpoints, post: Any, failure: Reply, reason: str
) -> None:
    endpoints.replies["e-flowers"] = failure

    response = post()

    assert response["statusCode"] == 200
    assert (response["body"]["name"], response["body"]["level"]) == ("flowers", "group")
    assert response["body"]["degraded"]["model"] == "flowers"
    assert reason in response["body"]["degraded"]["reason"]


@pytest.mark.parametrize(
    "expected", [{}, {"flowers": {"model": "flowers", "label_map_sha256": "older"}},
                 {"flowers": {"model": "plants", "label_map_sha256": "f1"}}],
)  # fmt: skip
def test_a_child_that_the_parent_was_not_trained_with_is_not_believed(
    endpoints: Endpoints, post: Any, expected: dict[str, Any]
) -> None:
    endpoints.says("e-species", "flowers", 0.9, children=expected)

    body = post()["body"]

    assert (body["name"], body["level"]) == ("flowers", "group")
    assert "trained with" in body["degraded"]["reason"]


@pytest.mark.parametrize(("score", "name", "level"), [(0.9, "birds", "group"), (0.4, None, "none")])
def test_a_group_whose_child_was_taken_out_is_no_species_while_the_parent_that_knows_it_serves(
    endpoints: Endpoints, post: Any, score: float, name: str | None, level: str
) -> None:
    children = {**FITS, "birds": {"model": "birds", "label_map_sha256": "b1"}}
    endpoints.says("e-species", "birds", 0.9, children=children)
    endpoints.replies["e-species"]["labels"] = [{"label": "birds", "score": score}]  # type: ignore[index]

    body = post()["body"]

    assert (body["name"], body["level"]) == (name, level)
    assert body["degraded"]["model"] == "birds"
    assert "any more" in body["degraded"]["reason"]
    assert len(endpoints.asked) == 1


@pytest.mark.parametrize(("left", "waited"), [(27, [18, 8]), (9.9, [18, 7]), (3.2, [18, 1])])
def test_the_child_has_what_the_parent_has_left_of_the_time(
    endpoints: Endpoints, post: Any, left: float, waited: list[int]
) -> None:
    assert post(seconds=left)["body"]["name"] == "daisy"
    assert endpoints.waited == waited


def test_where_the_parent_took_all_the_time_its_answer_is_given(endpoints: Endpoints, post: Any) -> None:
    body = post(seconds=2.9)["body"]

    assert (body["name"], body["level"]) == ("flowers", "group")
    assert body["degraded"] == {"model": "flowers", "reason": "no time was left to ask flowers"}
    assert len(endpoints.asked) == 1


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [
        (ReadTimeoutError(endpoint_url="https://runtime"), "10"),
        (client_error("ModelNotReadyException", status=429), "10"),
        (client_error("ServiceUnavailable", status=503), "10"),
        (client_error("ThrottlingException", status=429), "1"),
        (client_error("ValidationError", "Could not find endpoint e-species"), "60"),
    ],
)
def test_a_parent_without_an_answer_is_asked_again_after_a_while(
    endpoints: Endpoints, post: Any, failure: Exception, seconds: str
) -> None:
    endpoints.replies["e-species"] = failure

    response = post()

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == seconds
    assert "species" in response["body"]["message"]


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_the_model_refuses_is_refused_with_its_words(
    endpoints: Endpoints, post: Any, status: int
) -> None:
    refusal = client_error("ModelError", status=424, OriginalStatusCode=status, OriginalMessage="bad picture")
    endpoints.replies["e-species"] = refusal

    response = post()

    assert (response["statusCode"], response["body"]["message"]) == (status, "bad picture")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"body": None}, 400),
        ({"body": ""}, 400),
        ({"isBase64Encoded": False}, 415),
        ({"body": "not base64!"}, 400),
        ({"body": base64.b64encode(bytes(recognize.MAX_BYTES + 1)).decode()}, 413),
        ({"name": "birds"}, 404),
    ],
)
def test_what_is_no_request_asks_no_model(
    endpoints: Endpoints, post: Any, changed: dict[str, Any], status: int
) -> None:
    response = post(**changed)

    assert response["statusCode"] == status
    assert response["body"]["message"]
    assert endpoints.asked == []


def test_a_request_too_large_for_the_endpoint_is_refused(endpoints: Endpoints, post: Any) -> None:
    endpoints.replies["e-species"] = client_error("ValidationError", "Request 1 has oversize body.")

    assert post()["statusCode"] == 413
