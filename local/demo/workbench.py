"""The workbench's REST API as a person's page calls it: signed with that person's own credentials."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from local.demo.boxes import Box

ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds
TIMEOUT = 30  # seconds
_TRANSIENT = frozenset({429, 500, 502, 503, 504})


class SigningKey(Protocol):
    """Credentials of one IAM user."""

    @property
    def access_key(self) -> str: ...  # noqa: D102
    @property
    def secret_key(self) -> str: ...  # noqa: D102
    @property
    def session_token(self) -> str | None: ...  # noqa: D102


class WorkbenchError(Exception):
    """The workbench refused a call, or stayed out of reach; `status` is 0 for the latter."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Task:
    """One picture to label, or the boxes on one to verify."""

    task_id: str
    kind: str  # "label" or "verify"
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


class Workbench:
    """Calls the API at `api_url`, which ends in "/"; transient failures are tried again. One a thread."""

    def __init__(
        self,
        api_url: str,
        region: str,
        key: SigningKey,
        *,
        ca_bundle: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._api_url = api_url
        credentials = Credentials(key.access_key, key.secret_key, key.session_token or None)
        self._signer = SigV4Auth(credentials, "execute-api", region)
        self._http = URLLib3Session(
            verify=ca_bundle or True,  # type: ignore[arg-type]  # a path is allowed
            timeout=TIMEOUT,
        )
        self._sleep = sleep

    def claim(self, kind: str, limit: int) -> list[Task]:
        """Lease up to `limit` open tasks; raises WorkbenchError."""
        answer = json.loads(self._post("tasks/claim", {"kind": kind, "limit": limit}))
        return [Task.from_dict(task) for task in answer["tasks"]]

    def answer(self, task_id: str, answer: Mapping[str, Any]) -> None:
        """Hand in an answer; raises WorkbenchError, with status 409 where one was accepted before."""
        self._post(f"tasks/{task_id}/answer", answer)

    def picture(self, task: Task) -> bytes:
        """Fetch the picture by the link that came with the task; raises WorkbenchError."""
        return self._send(lambda: AWSRequest("GET", task.image_url))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> bytes:
        content = json.dumps(body, ensure_ascii=False).encode()

        def signed() -> AWSRequest:
            # A signature carries the time, so every attempt is signed anew.
            request = AWSRequest(
                "POST", self._api_url + path, headers={"Content-Type": "application/json"}, data=content
            )
            self._signer.add_auth(request)
            return request

        return self._send(signed)

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


def _message(content: bytes) -> str:
    try:
        answer = json.loads(content)
        return str(answer.get("message") or answer.get("Message") or "without a message")
    except (ValueError, AttributeError):
        return content[:200].decode(errors="replace").strip() or "without a message"
