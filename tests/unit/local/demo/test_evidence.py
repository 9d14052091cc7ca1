"""What is read of a run's evidence."""

import io
import json
from collections import Counter
from typing import Any

from local.demo.evidence import drawn_by


class Bucket:
    """An S3 client with one manifest."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self._content = "\n".join(map(json.dumps, lines)).encode()

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - as boto3 has them
        assert (Bucket, Key) == ("artifacts", "labels/tags/one.manifest")
        return {"Body": io.BytesIO(self._content)}


def test_a_label_is_theirs_who_drew_its_boxes_last() -> None:
    drew = [
        {"labeled": ["you"], "verified": ["cleo"]},
        {"labeled": ["you"], "verified": ["cleo"], "mended": ["cleo"]},
        {"labeled": ["ada", "you"], "verified": ["cleo"], "settled": ["dana"]},
        {"labeled": ["ada", "ben"], "verified": ["cleo"]},
    ]
    found = drawn_by(Bucket([{"annotators": one} for one in drew]), "s3://artifacts/labels/tags/one.manifest")
    assert found == Counter(you=1, cleo=1, dana=1, ada=1, ben=1)
