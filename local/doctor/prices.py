"""What the estimate is added up from: lines with a price, and what an instance costs in a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """One line of an estimate, in US dollars; None where the table has no price for it."""

    what: str
    usd: float | None


class Instances:
    """The prices of SageMaker's instances; a region that the table does not know counts as us-east-1."""

    def __init__(self, prices: Mapping[str, Any], region: str | None) -> None:
        self.region = region if region and region in prices["factor"] else "us-east-1"
        self._hour, self._factor = prices["hour"], prices["factor"][self.region]

    def hours(self, kind: str, hours: float) -> float | None:
        """So many hours of an instance, in US dollars; None where the table has no price for it."""
        return self._hour[kind] * self._factor * hours if kind in self._hour else None
