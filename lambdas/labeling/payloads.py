"""What the states of the labeling workflow pass to one another, and the lists on S3 that they name."""

import time
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

# Throttling and outages of seconds are waited out here; what lasts longer, the state machine tries again.
PATIENT = Config(max_pool_connections=32, retries={"mode": "standard", "max_attempts": 8})


class OutOfTime(Exception):  # noqa: N818 - the state machine retries by this name
    """The function stopped before Lambda would have ended it; the next attempt goes on from there."""


class Deadline:
    """The end of the invocation, less a margin to finish in."""

    def __init__(self, context: Any, margin_seconds: float = 60) -> None:
        left = context.get_remaining_time_in_millis() / 1000
        self._at = time.monotonic() + max(left - margin_seconds, left / 2)

    def check(self, progress: str) -> None:
        """Raise OutOfTime when the margin is reached; `progress` says how far the work has come."""
        if time.monotonic() > self._at:
            raise OutOfTime(f"{progress}; the next attempt goes on from there")


@dataclass(frozen=True)
class Lists:
    """Where one labeling execution keeps its lists; `execution` is its ARN."""

    bucket: str
    model: str
    execution: str

    @property
    def name(self) -> str:
        """The execution's own name, the last part of its ARN."""
        return self.execution.rsplit(":", 1)[-1]

    def images(self, number: int) -> str:
        """URI of one round's images: uri, `Content`, and what earlier rounds came to: what was `rejected`
        and how often (`rejections`), `labeled` by people but not verified, `history`.
        """
        return self._working(f"images-{number}")

    def answers(self, number: int) -> str:
        """URI of what came of each image of one round."""
        return self._working(f"answers-{number}")

    def written(self, number: int) -> str:
        """URI of the outcomes of one round that are final, as they were written."""
        return self._working(f"written-{number}")

    @property
    def suggestions(self) -> str:
        """URI of what the model in prod says to the images; not there where nobody asked it."""
        return self._working("suggestions")

    @property
    def set_aside(self) -> str:
        """URI of the images that were set aside before anybody saw them."""
        return self._working("set-aside")

    @property
    def manifest(self) -> str:
        """URI of the augmented manifest, the result of the execution."""
        return f"s3://{self.bucket}/labels/{self.model}/{self.name}.manifest"

    @property
    def quarantine(self) -> str:
        """URI of the images that got no label, with the reasons."""
        return f"s3://{self.bucket}/quarantine/{self.model}/{self.name}.jsonl"

    def _working(self, name: str) -> str:
        return f"s3://{self.bucket}/labeling/{self.model}/{self.name}/{name}.jsonl"
