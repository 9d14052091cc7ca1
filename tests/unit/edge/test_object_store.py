"""Signed PUTs and credentials against a server; the signature is compared with botocore's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from edge.inspector.credentials import NoCredentials, TokenExchange
from edge.inspector.object_store import NotStored, ObjectStore, address


class Server:
    """Answers GET as the token exchange service and PUT as S3, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.status, self.lasts = 200, timedelta(hours=1)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers["Authorization"] != "token":
                    self.answer(403, b"not your token")
                    return
                server.keep(self, b"")
                expires = (datetime.now(UTC) + server.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
                keys = {
                    "AccessKeyId": "AKID",
                    "SecretAccessKey": "secret",
                    "Token": "session",
                    "Expiration": expires,
                }
                self.answer(200, json.dumps(keys).encode())

            def do_PUT(self) -> None:
                server.keep(self, self.rfile.read(int(self.headers["content-length"])))
                self.answer(server.status, b"<Error>why</Error>")

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def keep(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append((handler.command, handler.path, headers, body))

    def asked(self, method: str) -> list[tuple[str, str, dict[str, str], bytes]]:
        return [request for request in self.requests if request[0] == method]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def store(server: Server) -> ObjectStore:
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.url}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": server.url,
    }
    return ObjectStore.from_environment(variables)


def test_the_signature_is_the_one_that_botocore_makes(server: Server) -> None:
    store(server).put(
        "bucket", "images/a b+ü.png", b"body", content_type="image/png", metadata={"thing": "press"}
    )
    _, path, headers, body = server.asked("PUT")[0]
    assert (path, body) == ("/bucket/images/a%20b%2B%C3%BC.png", b"body")
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-meta-thing", "x-amz-security-token"} <= set(signed)
    request = AWSRequest(
        "PUT", server.url + path, data=body, headers={name: headers[name] for name in signed}
    )
    request.context["timestamp"] = headers["x-amz-date"]
    signer: Any = botocore.auth.S3SigV4Auth(Credentials("AKID", "secret", "session"), "s3", "eu-west-1")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["authorization"].endswith(f"Signature={expected}")


def test_credentials_are_fetched_once_while_they_last(server: Server) -> None:
    objects = store(server)
    for _ in range(3):
        objects.put("bucket", "key", b"", content_type="text/plain")
    assert len(server.asked("GET")) == 1


def test_credentials_are_renewed_before_they_end(server: Server) -> None:
    server.lasts = timedelta(minutes=4)
    objects = store(server)
    for _ in range(2):
        objects.put("bucket", "key", b"", content_type="text/plain")
    assert len(server.asked("GET")) == 2


def test_a_refusal_says_what_s3_says_and_asks_for_new_credentials(server: Server) -> None:
    server.status = 403
    objects = store(server)
    for _ in range(2):
        with pytest.raises(NotStored, match="s3://bucket/key: 403: <Error>why</Error>") as caught:
            objects.put("bucket", "key", b"", content_type="text/plain")
        assert caught.value.only_this
    assert len(server.asked("GET")) == 2


def test_a_server_that_is_not_there_is_tried_again_later(server: Server) -> None:
    tokens = TokenExchange(f"{server.url}/credentials", "token")
    objects = ObjectStore(tokens, region="eu-west-1", endpoint="http://127.0.0.1:9")
    with pytest.raises(NotStored, match="cannot be reached") as caught:
        objects.put("bucket", "key", b"", content_type="text/plain")
    assert not caught.value.only_this


def test_without_the_right_token_there_are_no_credentials(server: Server) -> None:
    with pytest.raises(NoCredentials, match="403: not your token"):
        TokenExchange(server.url, "another").credentials()


def test_on_aws_the_bucket_has_its_own_host() -> None:
    found = address("bucket", "a/b.png", "eu-west-1", None)
    assert (found.scheme, found.host, found.path) == (
        "https",
        "bucket.s3.eu-west-1.amazonaws.com",
        "/a/b.png",
    )
