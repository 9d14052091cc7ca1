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


class FakeStates:
    """Executions by name, newest last; `seen` of them are listed, as where a list lags behind."""

    class exceptions:  # noqa: N801 - as boto3 names it
        class ExecutionAlreadyExists(Exception):  # noqa: N818
            pass

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, str]] = {}
        self.seen = 1000

    def _listed(self) -> list[dict[str, str]]:
        return list(self.executions.values())[: self.seen][::-1]

    def get_paginator(self, name: str) -> "FakeStates":
        assert name == "list_executions"
        return self

    def paginate(self, *, stateMachineArn: str, statusFilter: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"executions": [e for e in self._listed() if e["status"] == statusFilter]}]

    def list_executions(self, *, stateMachineArn: str, maxResults: int) -> dict[str, Any]:  # noqa: N803
        return {"executions": self._listed()[:maxResults]}

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803
        return self.executions[executionArn]

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, str]:  # noqa: N803
        arn = f"{stateMachineArn}:{name}"
        known = self.executions.setdefault(arn, {"executionArn": arn, "status": "RUNNING", "input": input})
        if known["status"] != "RUNNING" or known["input"] != input:
            raise self.exceptions.ExecutionAlreadyExists
        return known


def call(verb: str, resource: str, *, body: Any = None, start: Any = None, **more: Any) -> tuple[int, Any]:
    event = {"httpMethod": verb, "resource": resource, "body": json.dumps(body), **more}
    found = answer(lambda: route(event, FakeSupervision(), start))  # type: ignore[arg-type]
    return found["statusCode"], json.loads(found["body"])


@pytest.fixture
def states() -> FakeStates:
    return FakeStates()


@pytest.fixture
def start(states: FakeStates) -> Any:
    return starting(states, None, "arn:machine", ["tags", "pcb"])


def test_a_round_is_started_for_a_model_that_does_not_run(states: FakeStates, start: Any) -> None:
    status, body = call("POST", "/supervision/rounds", body={"model": "tags"}, start=start)
    assert (status, states.executions[body["execution"]]["input"]) == (200, '{"model": "tags"}')
    assert call("POST", "/supervision/rounds", body={"model": "pcb"}, start=start)[0] == 200
    status, body = call("POST", "/supervision/rounds", body={"model": "tags"}, start=start)
    assert (status, body["message"]) == (409, "labeling of tags runs already")


def test_a_second_start_that_does_not_see_the_first_starts_nothing(states: FakeStates, start: Any) -> None:
    first = start("tags")
    states.seen = 0
    assert start("tags") == first
    assert len(states.executions) == 1
    states.executions[first]["status"] = "SUCCEEDED"
    with pytest.raises(Exception, match="has just been started"):
        start("tags")


def test_after_the_end_of_one_the_next_is_started(states: FakeStates, start: Any) -> None:
    first = start("tags")
    states.executions[first]["status"] = "SUCCEEDED"
    assert start("tags") != first
    assert starts.running(states, "arn:machine", "tags")


@pytest.mark.parametrize("body", [{}, {"model": ""}, {"model": "other"}, {"model": ["tags"]}])
def test_only_models_of_the_line_are_started(states: FakeStates, start: Any, body: Any) -> None:
    assert call("POST", "/supervision/rounds", body=body, start=start)[0] == 404
    assert states.executions == {}


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
