"""The endpoints behind the recognition API, kept in memory."""

import io
import json
from typing import Any

from botocore.exceptions import ClientError

FITS = {"flowers": {"model": "flowers", "label_map_sha256": "f1"}}
Reply = dict[str, Any] | Exception


class Context:
    """Lambda's: how much of the function's time is left."""

    def __init__(self, seconds: float = 27) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Endpoints:
    """Answers by endpoint as SageMaker's runtime does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[dict[str, Any]] = []
        self.waited: list[int] = []

    def patient(self, seconds: int) -> "Endpoints":
        self.waited.append(seconds)
        return self

    def says(self, endpoint: str, label: str, score: float, **more: Any) -> None:
        rest: dict[str, Any] = {"label": "another", "score": 1 - score}
        labels = sorted([{"label": label, "score": score}, rest], key=lambda found: -found["score"])
        self.replies[endpoint] = {"labels": labels, "label_map_sha256": "", "children": {}, **more}

    def invoke_endpoint(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        reply = self.replies[request["EndpointName"]]
        if isinstance(reply, Exception):
            raise reply
        return {"Body": io.BytesIO(json.dumps(reply).encode())}


def client_error(code: str, message: str = "", **more: Any) -> ClientError:
    status = more.pop("status", 400)
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "InvokeEndpoint")  # type: ignore[arg-type]
