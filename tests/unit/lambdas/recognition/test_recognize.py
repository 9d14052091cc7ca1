from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from fake_endpoints import FITS, Endpoints, Reply, client_error


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
