"""What is refused, given up, or told in a log."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from fake_endpoints import Endpoints, client_error

from lambdas.recognition import recognize


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


def test_who_runs_it_sees_in_the_log_which_model_does_not_answer(
    endpoints: Endpoints, post: Any, caplog: pytest.LogCaptureFixture
) -> None:
    post()
    assert caplog.messages == []
    endpoints.replies["e-flowers"] = client_error("ModelNotReadyException", status=429)
    post()
    endpoints.replies["e-species"] = client_error("ThrottlingException", status=429)
    post()

    assert caplog.messages == [
        "species: only the group: flowers: flowers is not ready: ModelNotReadyException",
        "species: no answer: species has more requests than it takes",
    ]


@pytest.mark.parametrize("sent", ["Image/JPEG; name=" + "x" * 2000, "image/jpeg ; q=\u00fc"])
def test_the_models_are_told_the_type_of_the_picture_and_nothing_beside(
    endpoints: Endpoints, post: Any, sent: str
) -> None:
    post(headers={"content-type": sent})

    assert {asked["ContentType"] for asked in endpoints.asked} == {"image/jpeg"}


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
