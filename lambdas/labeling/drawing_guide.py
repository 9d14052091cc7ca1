"""What annotators are told of each class, as the deployment published it beside the pictures."""

import json
import time
from typing import Any

from lambdas.labeling.offers import Pictures

_KEY = "examples/guide.json"
_FRESH_SECONDS = 60


class DrawingGuide:
    """`examples/guide.json` of the images bucket: {model: [{"name", "instructions", "good", "bad"}]}."""

    def __init__(self, s3: Any, bucket: str, pictures: Pictures) -> None:
        self._s3, self._bucket, self._pictures = s3, bucket, pictures
        self._read_at = -float("inf")
        self._guide: dict[str, list[dict[str, Any]]] = {}

    def models(self) -> list[dict[str, Any]]:
        """Each model with its classes; its good and bad examples as links that open for ten minutes."""
        if time.monotonic() - self._read_at > _FRESH_SECONDS:
            body = self._s3.get_object(Bucket=self._bucket, Key=_KEY)["Body"].read()
            self._guide, self._read_at = json.loads(body), time.monotonic()
        return [
            {"model": model, "classes": [self._linked(one) for one in classes]}
            for model, classes in self._guide.items()
        ]

    def _linked(self, described: dict[str, Any]) -> dict[str, Any]:
        links = {name: [self._pictures.link(key) for key in described[name]] for name in ("good", "bad")}
        return {**described, **links}
