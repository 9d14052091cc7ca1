import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from local.cloud.browser_door import BrowserDoor

CLOUD = "http://127.0.0.1:4567"
PAGE_HERE = "http://d1x.cloudfront.net.localhost:4567"
AGENT = "line.auth.eu-west-1.amazoncognito.com"
FORM = (b"content-type", b"application/x-www-form-urlencoded")


class App:
    """Notes what it is asked, and gives one answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.asked: Mapping[str, Any] = {}
        self.body = b""
        self._headers, self._body = headers, body

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        self.asked, self.body = scope, (await receive()).get("body", b"")
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body[:3], "more_body": True})
        await send({"type": "http.response.body", "body": self._body[3:]})

    def header(self, name: bytes) -> bytes:
        return dict(self.asked["headers"])[name]


def ask(
    host: str, *, gateway: App, front: App, path: str = "/a", query: bytes = b"",
    headers: tuple[tuple[bytes, bytes], ...] = (), body: bytes = b"",
) -> tuple[int, dict[bytes, bytes], bytes]:  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query,
        "headers": [(b"host", host.encode()), *headers],
    }  # fmt: skip
    door = BrowserDoor(CLOUD, "eu-west-1", gateway=gateway, front=front)
    asyncio.run(door(scope, receive, send))
    content = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), content


@pytest.fixture
def gateway() -> App:
    return App([(b"content-type", b"text/plain")], b"https://d1x.cloudfront.net/")


@pytest.fixture
def front() -> App:
    return App([(b"Content-Type", b"text/html"), (b"content-length", b"27")], b"https://d1x.cloudfront.net/")


def test_request_to_the_endpoint_passes_untouched(gateway: App, front: App) -> None:
    _, headers, body = ask("127.0.0.1:4567", gateway=gateway, front=front)
    assert body == b"https://d1x.cloudfront.net/"
    assert headers == {b"content-type": b"text/plain"}
    assert not front.asked


def test_distribution_is_asked_by_its_own_name_and_answers_with_addresses_of_here(
    gateway: App, front: App
) -> None:
    here = f"{PAGE_HERE}/".encode()
    said = ((b"origin", PAGE_HERE.encode()), (b"referer", here))
    _, headers, body = ask("d1x.cloudfront.net.localhost:4567", gateway=gateway, front=front, headers=said)
    assert front.header(b"host") == b"d1x.cloudfront.net"
    assert front.header(b"origin") == b"https://d1x.cloudfront.net"
    assert front.header(b"referer") == b"https://d1x.cloudfront.net/"
    assert body == here
    assert headers[b"content-length"] == str(len(here)).encode()


def test_picture_and_compressed_text_are_left_as_they_are(gateway: App) -> None:
    for kind in (
        [(b"content-type", b"image/png")],
        [(b"content-type", b"text/css"), (b"content-encoding", b"br")],
    ):
        front = App(kind, b"https://d1x.cloudfront.net/")
        _, _, body = ask("d1x.cloudfront.net.localhost:4567", gateway=gateway, front=front)
        assert body == b"https://d1x.cloudfront.net/"


def test_bucket_is_asked_below_the_endpoint_for_which_its_addresses_are_signed(
    gateway: App, front: App
) -> None:
    host = "images.s3.eu-west-1.amazonaws.com.localhost:4567"
    ask(host, gateway=gateway, front=front, path="/a%20b", query=b"X-Amz-Signature=1")
    assert gateway.asked["raw_path"] == b"/images/a%20b"
    assert gateway.header(b"host") == b"127.0.0.1:4567"
    assert gateway.asked["query_string"] == b"X-Amz-Signature=1"


def test_api_is_asked_below_the_endpoint(gateway: App, front: App) -> None:
    ask(
        "ab12.execute-api.eu-west-1.amazonaws.com.localhost:4567",
        gateway=gateway,
        front=front,
        path="/api/me",
    )
    assert gateway.asked["path"] == "/_aws/execute-api/ab12/api/me"


def test_sign_in_page_is_told_the_addresses_of_aws(gateway: App, front: App) -> None:
    query = b"redirect_uri=http%3A%2F%2Fd1x.cloudfront.net.localhost%3A4567%2F&state=a%26b"
    form = b"redirect_uri=http%3A%2F%2Fd1x.cloudfront.net.localhost%3A4567%2F&password=a%26b+c"
    length = (b"content-length", str(len(form)).encode())
    ask(
        f"{AGENT}.localhost:4567",
        gateway=gateway,
        front=front,
        query=query,
        headers=(FORM, length),
        body=form,
    )
    assert front.asked["query_string"] == b"redirect_uri=https%3A%2F%2Fd1x.cloudfront.net%2F&state=a%26b"
    assert front.body == b"redirect_uri=https%3A%2F%2Fd1x.cloudfront.net%2F&password=a%26b+c"


def test_host_that_nothing_is_served_at_is_named(gateway: App, front: App) -> None:
    status, _, body = ask("www.example.com.localhost:4567", gateway=gateway, front=front)
    assert (status, body) == (404, b"www.example.com: the local cloud serves no such host\n")
