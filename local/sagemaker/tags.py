"""Tags of every resource, by ARN."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from local.cloud.call import Call

Tag = dict[str, str]


class Tags:
    """AddTags, ListTags, DeleteTags; the other parts keep the tags of what they make here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    def keep(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Set tags of a resource beside those that it has."""
        with self._lock:
            self._tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def of(self, arn: str) -> list[Tag]:
        """Give a resource's tags."""
        with self._lock:
            return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def forget(self, arn: str) -> None:
        """Drop the tags of a resource that is gone."""
        with self._lock:
            self._tags.pop(arn, None)

    def add_tags(self, call: Call, *, ResourceArn: str, Tags: list[Tag]) -> dict[str, Any]:  # noqa: N803
        """Serve AddTags."""
        self.keep(ResourceArn, Tags)
        return {"Tags": self.of(ResourceArn)}

    def list_tags(self, call: Call, *, ResourceArn: str, **page: Any) -> dict[str, Any]:  # noqa: N803
        """Serve ListTags, all on one page."""
        return {"Tags": self.of(ResourceArn)}

    def delete_tags(self, call: Call, *, ResourceArn: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803
        """Serve DeleteTags."""
        with self._lock:
            for key in TagKeys:
                self._tags.get(ResourceArn, {}).pop(key, None)
        return {}
