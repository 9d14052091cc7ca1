"""CloudFormation's side of a custom resource: the answer that it waits for, whatever happens."""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

_ATTEMPTS = 4
_REASON_LIMIT = 1000  # CloudFormation takes 4096 bytes of an answer in all
_LOG = logging.getLogger(__name__)


def answer(event: Mapping[str, Any], act: Callable[[], None]) -> None:
    """Carry out a request and tell CloudFormation how it went; an exception is the failure's reason."""
    failure = None
    try:
        act()
    except Exception as error:
        _LOG.exception("%s %s", event.get("RequestType"), event.get("LogicalResourceId"))
        failure = f"{type(error).__name__}: {error}".replace("\n", " ")
    send(event, failure=failure)


def send(event: Mapping[str, Any], *, failure: str | None) -> None:
    """Tell CloudFormation how it went; `failure` is the reason in one line."""
    said = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": (failure or "done")[:_REASON_LIMIT],
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    body = json.dumps(said).encode()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _put(event["ResponseURL"], body)
        except OSError:
            # CloudFormation would wait for an hour: ask again before the function ends with the error.
            if attempt == _ATTEMPTS:
                raise
            time.sleep(attempt)
        else:
            return


def _put(url: str, body: bytes) -> None:
    # The address is signed for no content type, and urllib would send one of its own.
    headers = {"Content-Type": "", "Content-Length": str(len(body))}
    request = urllib.request.Request(url, data=body, headers=headers, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - CloudFormation's own address
        pass
