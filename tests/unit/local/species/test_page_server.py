import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.species.application import Reply
from local.species.page_server import PageServer
from local.species.source import Picture


class Answering:
    """Stands for the API: remembers what it was asked, and answers what it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, str]] = []
        self.reply = Reply(200, {"name": "daisy"}, {})

    def recognize(self, name: str, picture: bytes, content_type: str) -> Reply:
        self.asked.append((name, picture, content_type))
        return self.reply


@pytest.fixture
def api() -> Answering:
    return Answering()


@pytest.fixture
def url(api: Answering, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "a.jpg").write_bytes(b"the picture")
    samples = [Picture(tmp_path / "a.jpg", "flowers", "daisy")]
    with PageServer(api, "species", samples) as page:  # type: ignore[arg-type]
        yield page.url


def get(address: str, **more: Any) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(address, **more)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def test_the_page_and_all_that_it_refers_to_is_served(url: str) -> None:
    status, body, headers = get(url)

    assert status == 200
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    for name in ("style.css", "route.js"):
        assert name in body.decode()
        assert get(f"{url}{name}")[0] == 200


def test_a_picture_is_handed_on_as_it_is_and_the_answer_back(url: str, api: Answering) -> None:
    status, body, _ = get(f"{url}recognize", data=b"bytes", headers={"Content-Type": "image/png"})

    assert (status, json.loads(body)) == (200, {"name": "daisy"})
    assert api.asked == [("species", b"bytes", "image/png")]


def test_a_refusal_keeps_its_status_and_when_to_come_again(url: str, api: Answering) -> None:
    api.reply = Reply(503, {"message": "cold"}, {"retry-after": "10"})

    status, body, headers = get(f"{url}recognize", data=b"bytes")

    assert (status, json.loads(body), headers["retry-after"]) == (503, {"message": "cold"}, "10")


def test_pictures_to_try_are_listed_and_served(url: str) -> None:
    (address,) = json.loads(get(f"{url}samples.json")[1])

    assert get(url.rstrip("/") + address)[1] == b"the picture"


def test_nothing_else_is_served(url: str) -> None:
    assert get(f"{url}samples/../a.jpg")[0] == 404
    assert get(f"{url}etc/passwd")[0] == 404
    assert get(f"{url}another", data=b"x")[0] >= 400


def test_another_name_of_this_machine_is_refused(url: str, api: Answering) -> None:
    elsewhere = {"Host": "evil.example:80"}

    assert get(url, headers=elsewhere)[0] == 403
    assert get(f"{url}recognize", data=b"x", headers=elsewhere)[0] == 403
    assert api.asked == []
