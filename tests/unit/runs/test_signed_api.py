"""The command line's calls: signed, asked again where that helps, given up where it does not."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.credentials import Credentials

from runs.signed_api import ApiError, RunsApi

Answer = tuple[int, dict[str, str], Any]


class Session:
    def __init__(self, *, signed_in: bool = True) -> None:
        self.signed_in = signed_in

    def get_credentials(self) -> Credentials | None:
        return Credentials("AKID", "secret", "token") if self.signed_in else None


class Server:
    """Gives its answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                told = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append((self.command, self.path, told, json.loads(body or b"null")))
                status, headers, document = server.answers.pop(0)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1/"


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever)
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


def api(
    server: Server, *, region: str | None = "eu-west-1", signed_in: bool = True
) -> tuple[RunsApi, list[float]]:
    slept: list[float] = []
    return RunsApi(server.url, Session(signed_in=signed_in), region, slept.append), slept


def test_a_start_is_signed_and_has_its_key(server: Server) -> None:
    server.answers = [(202, {}, {"run": "r"})]
    assert api(server)[0].start("tags", {"seed": 3}, "key-1") == {"run": "r"}
    [(verb, path, headers, body)] = server.asked
    assert (verb, path, body) == ("POST", "/v1/models/tags/runs", {"seed": 3})
    assert headers["idempotency-key"] == "key-1"
    assert "/eu-west-1/execute-api/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"


def test_the_region_is_that_of_the_address(server: Server) -> None:
    server.answers = [(200, {}, {"runs": []})]
    found, _ = api(server, region=None)
    found.url = f"{server.url}.execute-api.us-east-2.amazonaws.com/"
    found.newest("tags", 3)
    assert "/us-east-2/execute-api/" in server.asked[0][2]["authorization"]


def test_what_passes_is_asked_again_with_the_same_key(server: Server) -> None:
    server.answers = [
        (503, {"Retry-After": "10"}, {"message": "busy"}),
        (409, {"Retry-After": "300"}, {"message": "as many wait as may"}),
        (504, {}, {"message": "Endpoint request timed out"}),
        (202, {}, {"run": "r"}),
    ]
    found, slept = api(server)
    assert found.start("tags", {}, "key-1") == {"run": "r"}
    assert slept == [10, 300, 8]
    assert {headers["idempotency-key"] for _, _, headers, _ in server.asked} == {"key-1"}


def test_what_does_not_pass_is_given_up_with_its_words(server: Server) -> None:
    server.answers = [(503, {"Retry-After": "300"}, {"message": "busy"})] * 3
    found, slept = api(server)
    with pytest.raises(ApiError, match="503: busy"):
        found.run("tags", "r")
    assert sum(slept) == 600


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_a_refusal_is_told_at_once(server: Server, status: int) -> None:
    server.answers = [(status, {}, {"message": "because"})]
    found, slept = api(server)
    with pytest.raises(ApiError, match=f"^{status}: because$"):
        found.run("tags", "r")
    assert slept == []


def test_an_api_that_is_not_there_is_named_and_who_waits_is_told_what_for() -> None:
    slept: list[float] = []
    said: list[str] = []
    with pytest.raises(ApiError, match=r"http://127\.0\.0\.1:1/: "):
        RunsApi("http://127.0.0.1:1/", Session(), "eu-west-1", slept.append, said.append).run("tags", "r")
    assert sum(slept) <= 600
    assert len(said) == len(slept)
    assert said[0].startswith("http://127.0.0.1:1/: ")
    assert said[0].endswith("; asked again in 2 s")
    with pytest.raises(ApiError, match="is not the address of the runs API"):
        RunsApi("file:///etc/", Session(), "eu-west-1", slept.append).run("tags", "r")


def test_who_is_not_signed_in_is_told(server: Server) -> None:
    with pytest.raises(ApiError, match="nobody is signed in"):
        api(server, signed_in=False)[0].run("tags", "r")
    with pytest.raises(ApiError, match="which region"):
        api(server, region=None)[0].run("tags", "r")
    assert server.asked == []
