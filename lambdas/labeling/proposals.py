"""One picture's question to a model behind an endpoint, and its answer as boxes that people can take over."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.common.objects import split_uri

MAX_BOXES = 100  # the best; more would be in the way
_MIN_SIDE = 1.0  # pixels, as people have to draw them
_GONE = ("NoSuchKey", "404")


class NoProposal(Exception):  # noqa: N818 - says why
    """The endpoint is well, and has no answer about this picture."""


@dataclass(frozen=True)
class Asked:
    """An endpoint, its component if it has one, how many may ask it at once, its longest request in bytes."""

    endpoint: str
    component: str | None
    at_once: int
    bytes: int


@dataclass(frozen=True)
class Question:
    """Asks one endpoint about pictures on S3; `classes` are those that people may give."""

    s3: Any
    runtime: Any
    asked: Asked
    classes: Sequence[str]

    def ask(self, image: Mapping[str, Any]) -> dict[str, Any]:
        """Return {"uri", "boxes"}; NoProposal where the picture is at fault, botocore's errors else."""
        picture = self._read(image["uri"])
        component = {"InferenceComponentName": self.asked.component} if self.asked.component else {}
        try:
            response = self.runtime.invoke_endpoint(
                EndpointName=self.asked.endpoint,
                Body=picture,
                ContentType="application/x-image",
                Accept="application/json",
                CustomAttributes="uncounted",  # no sign of how the model does in prod
                **component,
            )
        except ClientError as error:
            refused: Any = error.response.get("OriginalStatusCode", 0)  # what the model's server said
            if 400 <= refused < 500:
                raise NoProposal(f"{image['uri']}: {error}") from error
            raise
        boxes = proposed(response["Body"].read(), image, self.classes)
        return {"uri": image["uri"], "boxes": boxes}

    def _read(self, uri: str) -> bytes:
        bucket, key = split_uri(uri)
        try:
            found = self.s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NoProposal(f"{uri} is gone") from error
            raise
        with found["Body"] as stream:
            if found["ContentLength"] > self.asked.bytes:
                limit = f"the {self.asked.bytes} that the endpoint takes"
                raise NoProposal(f"{uri}: {found['ContentLength']} bytes are more than {limit}")
            body: bytes = stream.read()
        return body


def proposed(answer: bytes, image: Mapping[str, Any], classes: Sequence[str]) -> list[dict[str, Any]]:
    """The boxes of an answer with their scores, best first, inside the picture; NoProposal if it is none."""
    try:
        document = json.loads(answer)
        if (document["width"], document["height"]) != (image["width"], image["height"]):
            size = f"{document['width']}x{document['height']}"
            raise NoProposal(f"{image['uri']}: the answer is about a picture of {size}")
        boxes = [_box(found, image) for found in document["detections"] if found["label"] in classes]
    except (ValueError, KeyError, TypeError) as error:
        raise NoProposal(f"{image['uri']}: not an answer: {answer[:200]!r}") from error
    fit = [box for box in boxes if box["width"] >= _MIN_SIDE and box["height"] >= _MIN_SIDE]
    return sorted(fit, key=lambda box: -box["score"])[:MAX_BOXES]


def _box(found: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    left, top, right, bottom = map(float, found["box"])
    score = float(found["score"])
    if not all(map(math.isfinite, (left, top, right, bottom, score))):
        raise ValueError("NaN and infinity are no JSON, which the page reads")
    left, right = max(0.0, left), min(float(image["width"]), right)
    top, bottom = max(0.0, top), min(float(image["height"]), bottom)
    sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    hundredths = {side: round(value, 2) for side, value in sides.items()}
    return {"label": found["label"], **hundredths, "score": round(score, 4)}
