"""CloudFormation's side of a custom resource: whether its stack is going, and the answer it waits for."""

import json
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

_ATTEMPTS = 4
_REASON_LIMIT = 1000  # CloudFormation takes 4096 bytes of an answer in all
_GOING = ("DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


def stack_is_going(cloudformation: Any, stack_id: str) -> bool:
    """Tell whether the whole stack is being deleted, or given up while it is first made.

    A resource that is only taken out of its template is deleted too: `keep = true` after `keep = false` does
    that, and must not cost what is to be kept.
    """
    (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return stack["StackStatus"] in _GOING


def send(event: Mapping[str, Any], *, failure: str | None) -> None:
    """Tell CloudFormation how it went; `failure` is the reason in one line."""
    answer = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": (failure or "done")[:_REASON_LIMIT],
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    body = json.dumps(answer).encode()
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
