"""Answers and refusals of an endpoint, as boto3 tells them."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from pipeline_defs.common.endpoint import Endpoint, Reply, Request, component_name

PICTURE = Request("image/jpeg", b"picture", "min_score=0.01")


class Runtime:
    """A client that gives back one answer, or raises one error."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.asked: dict[str, Any] = {}
        self._answer = answer

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked = request
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Body": io.BytesIO(self._answer)}


def client_error(code: str, message: str, http: int, **model: Any) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": http},
        **model,
    }
    return ClientError(response, "InvokeEndpoint")


def test_an_answer_comes_with_its_body() -> None:
    runtime = Runtime(b"{}")
    assert Endpoint("tags-staging", runtime).ask(PICTURE) == Reply(200, "", b"{}")
    assert runtime.asked == {
        "EndpointName": "tags-staging",
        "Body": b"picture",
        "ContentType": "image/jpeg",
        "Accept": "application/json",
        "CustomAttributes": "min_score=0.01",
    }


def test_a_component_is_asked_by_its_name() -> None:
    runtime = Runtime(b"{}")
    Endpoint("tags-staging", runtime, "tags").ask(Request("image/jpeg", b"picture"))
    assert runtime.asked["InferenceComponentName"] == "tags"
    assert "CustomAttributes" not in runtime.asked


def test_a_models_refusal_has_its_own_status_and_first_line() -> None:
    message = "bad picture: the file is empty\nTraceback (most recent call last):\n  File ..."
    error = client_error(
        "ModelError",
        "Received client error (400) from primary",
        424,
        OriginalStatusCode=400,
        OriginalMessage=message,
    )
    assert Endpoint("e", Runtime(error)).ask(PICTURE) == Reply(400, "bad picture: the file is empty", b"")


def test_a_refusal_by_sagemaker_has_the_status_of_its_answer() -> None:
    error = client_error("ValidationError", "Request 1 has oversize body.", 400)
    assert Endpoint("e", Runtime(error)).ask(PICTURE) == Reply(400, "Request 1 has oversize body.", b"")


def test_no_answer_at_all_has_no_status() -> None:
    reply = Endpoint("e", Runtime(ConnectionClosedError(endpoint_url="https://runtime"))).ask(PICTURE)
    assert reply.status is None
    assert "https://runtime" in reply.reason


@pytest.mark.parametrize(
    ("text", "name"),
    [("null", None), ('"tags-staging"', "tags-staging"), ("tags-staging", "tags-staging"), ('""', "")],
)
def test_a_components_name_comes_as_json_or_as_it_is(text: str, name: str | None) -> None:
    assert component_name(text) == name
