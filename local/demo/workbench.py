"""The labeling API as a person's page calls it: on the page's own host, with that person's ID token."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from local.cloud.addresses import reached
from local.cloud.errors import LocalCloudError
from local.demo.boxes import Box

ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds
TIMEOUT = 30  # seconds
_MOST_HELD = 50  # of a claim
_TRANSIENT = frozenset({429, 500, 502, 503, 504})


class WorkbenchError(Exception):
    """The workbench refused a call, or stayed out of reach; `status` is 0 for the latter."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Task:
    """One picture to label, or the boxes on one to verify."""

    task_id: str
    kind: str  # "label", "verify" or "settle"
    image_uri: str
    image_url: str
    width: int
    height: int
    classes: tuple[str, ...]
    boxes: tuple[Box, ...]

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Task":
        """Read a task of the answer to `tasks/claim`; raises KeyError where a field is missing."""
        return cls(
            task_id=fields["task_id"],
            kind=fields["kind"],
            image_uri=fields["image_uri"],
            image_url=fields["image_url"],
            width=int(fields["width"]),
            height=int(fields["height"]),
            classes=tuple(fields["classes"]),
            boxes=tuple(Box.from_dict(box) for box in fields.get("boxes") or ()),
        )


@dataclass(frozen=True)
class OpenRound:
    """A round as one person sees it: `open` tasks this person holds or could have, `mine` were theirs."""

    round_id: str
    kind: str
    number: int
    total: int
    answered: int
    open: int
    mine: int
    closes_at: str  # ISO 8601, in UTC

    @property
    def left(self) -> int:
        """How many tasks nobody has answered yet."""
        return self.total - self.answered

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "OpenRound":
        """Read a round of the answer to `rounds`; raises KeyError where a field is missing."""
        return cls(
            round_id=fields["round"],
            kind=fields["kind"],
            closes_at=fields["closes_at"],
            mine=int(fields["mine"]["answered"]),
            **{name: int(fields[name]) for name in ("number", "total", "answered", "open")},
        )


class Workbench:
    """Calls the API at `api_url`, which ends in "/"; transient failures are tried again. One a thread.

    `token` gives the ID token of who works here; it is asked for before every call.
    """

    def __init__(
        self,
        api_url: str,
        token: Callable[[], str],
        *,
        ca_bundle: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api_url, self._token = api_url, token
        self._http = URLLib3Session(
            verify=ca_bundle or True,  # type: ignore[arg-type]  # a path is allowed
            timeout=TIMEOUT,
        )
        self._sleep = sleep

    def claim(self, kind: str, limit: int) -> list[Task]:
        """Lease up to `limit` open tasks; raises WorkbenchError."""
        answer = json.loads(self._call("POST", "tasks/claim", {"kind": kind, "limit": limit}))
        return [Task.from_dict(task) for task in answer["tasks"]]

    def answer(self, task_id: str, answer: Mapping[str, Any]) -> None:
        """Hand in an answer; raises WorkbenchError, with status 409 where one was accepted before."""
        self._call("POST", f"tasks/{task_id}/answer", answer)

    def give_back(self, kind: str) -> None:
        """Give back what is held of a kind; raises WorkbenchError."""
        for task in self.claim(kind, _MOST_HELD):
            self._call("POST", f"tasks/{task.task_id}/release", {})

    def rounds(self) -> list[OpenRound]:
        """Look which rounds are open; raises WorkbenchError."""
        answer = json.loads(self._call("GET", "rounds"))
        return [OpenRound.from_dict(one) for one in answer["rounds"]]

    def supervision(self) -> dict[str, Any]:
        """Read what supervisors see of the recent rounds; raises WorkbenchError."""
        found: dict[str, Any] = json.loads(self._call("GET", "supervision"))
        return found

    def picture(self, task: Task) -> bytes:
        """Fetch the picture by the link that came with the task; raises WorkbenchError."""
        return self._send(lambda: _request("GET", task.image_url))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()

        def authorized() -> AWSRequest:
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._signed_in()}"}
            return _request(method, self._api_url + path, headers, content)

        return self._send(authorized)

    def _signed_in(self) -> str:
        try:
            return self._token()
        except (LocalCloudError, OSError) as error:
            raise WorkbenchError(0, f"the sign-in page: {error}") from error

    def _send(self, make_request: Callable[[], AWSRequest]) -> bytes:
        failure = WorkbenchError(0, "not tried")
        for attempt in range(ATTEMPTS):
            if attempt:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
                self._sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries, guards nothing
            request = make_request()
            where = f"{request.method} {str(request.url).partition('?')[0]}"
            try:
                response = self._http.send(request.prepare())
            except (HTTPClientError, UnreachableError) as error:
                failure = WorkbenchError(0, f"{where}: {error}")
                continue
            content: bytes = response.content
            if response.status_code < 300:
                return content
            failure = WorkbenchError(
                response.status_code, f"{where}: {response.status_code} {_message(content)}"
            )
            if response.status_code not in _TRANSIENT:
                break
        raise failure


def _request(
    method: str, address: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
) -> AWSRequest:
    url, host = reached(address)
    return AWSRequest(method, url, headers={**(headers or {}), **host}, data=content)


def _message(content: bytes) -> str:
    try:
        answer = json.loads(content)
        return str(answer.get("message") or answer.get("Message") or "without a message")
    except (ValueError, AttributeError):
        return content[:200].decode(errors="replace").strip() or "without a message"
