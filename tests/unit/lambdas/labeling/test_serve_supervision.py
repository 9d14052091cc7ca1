import json
from typing import Any

import pytest

from lambdas.labeling import serve_supervision, starts
from lambdas.labeling.proxied import answer
from lambdas.labeling.serve_supervision import route, starting


class FakeSupervision:
    def __init__(self) -> None:
        self.closed: list[str] = []

    def overview(self) -> dict[str, Any]:
        return {"rounds": []}

    def tasks(self, round_id: str, after: int) -> dict[str, Any]:
        return {"tasks": [], "next": f"{round_id} {after}"}

    def close(self, round_id: str) -> None:
        self.closed.append(round_id)


def call(verb: str, resource: str, *, body: Any = None, start: Any = None, **more: Any) -> tuple[int, Any]:
    event = {"httpMethod": verb, "resource": resource, "body": json.dumps(body), **more}
    found = answer(lambda: route(event, FakeSupervision(), start))  # type: ignore[arg-type]
    return found["statusCode"], json.loads(found["body"])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that were started, each of which then runs."""
    names: list[str] = []

    def start(states: str, table: str, machine: str, model: str) -> str:
        assert (states, table, machine) == ("states", "table", "arn:machine")
        if model in names:
            raise starts.AlreadyRunning(f"labeling of {model} runs already")
        names.append(model)
        return f"arn:{model}"

    monkeypatch.setattr(starts, "start", start)
    return names


@pytest.fixture
def start(started: list[str]) -> Any:
    return starting("states", "table", "arn:machine", ["tags", "pcb"])


def test_labeling_is_started_once_for_a_model(started: list[str], start: Any) -> None:
    for model in ("tags", "pcb"):
        found = call("POST", "/supervision/rounds", body={"model": model}, start=start)
        assert found == (200, {"execution": f"arn:{model}"})
    status, body = call("POST", "/supervision/rounds", body={"model": "tags"}, start=start)
    assert (status, body["message"]) == (409, "labeling of tags runs already")
    assert started == ["tags", "pcb"]


@pytest.mark.parametrize("body", [{}, {"model": ""}, {"model": "other"}, {"model": ["tags"]}])
def test_only_models_of_the_line_are_started(started: list[str], start: Any, body: Any) -> None:
    assert call("POST", "/supervision/rounds", body=body, start=start)[0] == 404
    assert started == []


def test_fields_that_are_not_known_are_refused(start: Any) -> None:
    assert call("POST", "/supervision/rounds", body={"model": "tags", "limit": 3}, start=start)[0] == 400
    closing = {"body": {"force": True}, "pathParameters": {"round": "ab"}}
    assert call("POST", "/supervision/rounds/{round}/close", **closing)[0] == 400


@pytest.mark.parametrize(("asked", "expected"), [(None, " 0"), ({"round": "ab", "after": "24"}, "ab 24")])
def test_a_page_of_tasks_is_asked_for_by_what_came_before(asked: Any, expected: str) -> None:
    status, body = call("GET", "/supervision/tasks", queryStringParameters=asked)
    assert (status, body["next"]) == (200, expected)


@pytest.mark.parametrize("after", ["-1", "1e3", "x", "1" * 7, "²"])
def test_a_page_after_nothing_that_was_given_is_refused(after: str) -> None:
    asked = {"round": "ab", "after": after}
    assert call("GET", "/supervision/tasks", queryStringParameters=asked)[0] == 400


@pytest.mark.parametrize("groups", ["", "annotators,approvers"])
def test_who_is_no_supervisor_is_refused_before_anything_is_read(groups: str) -> None:
    claims = {"cognito:username": "ann", "cognito:groups": groups}
    context = {"authorizer": {"claims": claims}}
    for verb, resource in (("GET", "/supervision"), ("POST", "/supervision/rounds/{round}/close")):
        event = {"httpMethod": verb, "resource": resource, "requestContext": context}
        assert serve_supervision.handler(event, None)["statusCode"] == 403


def test_other_paths_lead_nowhere() -> None:
    assert call("DELETE", "/supervision")[0] == 404
