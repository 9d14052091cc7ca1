import asyncio
import contextlib
import threading
from typing import Any

import pytest

from local.cloud import gateway
from local.cloud.gateway import Gateway, Signature, read_signature
from local.cloud.ministack import Identity
from local.cloud.service import Response, Route


def test_signature_of_the_header() -> None:
    header = "AWS4-HMAC-SHA256 Credential=AKIA1/20260102/eu-west-1/sagemaker/aws4_request, SignedHeaders=host"
    assert read_signature({"authorization": header}, "") == Signature("AKIA1", "eu-west-1", "sagemaker")


def test_signature_of_a_presigned_url() -> None:
    query = "X-Amz-Credential=ASIA2%2F20260102%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Expires=60"
    assert read_signature({}, query) == Signature("ASIA2", "eu-west-1", "s3")


def test_unsigned_request() -> None:
    assert read_signature({}, "") is None
    assert read_signature({"authorization": "Bearer abc"}, "a=b") is None


class StandInMinistack:
    def account_of(self, access_key: str) -> str:
        return access_key

    def request(self, **request: Any) -> Any:
        return contextlib.nullcontext()

    def identity(self, access_key: str) -> Identity:
        return Identity("arn", access_key)


class StandInIam:
    def authorize(self, *call: Any) -> None:
        """Allow everything."""


class StandInService:
    """A service that answers once it may."""

    def __init__(self, name: str) -> None:
        self.name, self.asked, self.may_answer = name, threading.Event(), threading.Event()

    def route(self, request: Any) -> Route:
        return Route("Ask", {})

    def serves(self, operation: str) -> bool:
        return True

    def parse(self, route: Route, request: Any) -> dict[str, Any]:
        return {}

    def home(self, call: Any, operation: str, parameters: Any) -> str:
        return str(call.account)

    def perform(self, call: Any, operation: str, parameters: Any) -> Response:
        self.asked.set()
        assert self.may_answer.wait(60)
        return Response(200, {}, self.name.encode())


async def _ask(door: Gateway, service: str) -> bytes:
    credential = f"AWS4-HMAC-SHA256 Credential=1/20260102/eu-west-1/{service}/aws4_request"
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"body": b""}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"",
        "headers": [(b"authorization", credential.encode())],
    }  # fmt: skip
    await door(scope, receive, send)
    body: bytes = sent[-1]["body"]
    return body


def test_a_service_that_answers_slowly_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "_AT_ONCE", 1)
    slow, quick = StandInService("slow"), StandInService("quick")
    quick.may_answer.set()
    services: Any = {"1": {"slow": [slow], "quick": [quick]}}
    door = Gateway(StandInMinistack(), StandInIam(), services)  # type: ignore[arg-type]

    async def ask_both() -> list[bytes]:
        waiting = asyncio.create_task(_ask(door, "slow"))
        await asyncio.to_thread(slow.asked.wait, 60)
        answered = await asyncio.wait_for(_ask(door, "quick"), 60)
        slow.may_answer.set()
        return [answered, await waiting]

    assert asyncio.run(ask_both()) == [b"quick", b"slow"]
