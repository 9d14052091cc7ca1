"""The end of a function's time, kept so that it can still say what it did not get done."""

import time
from typing import Any

_MARGIN_SECONDS = 30


class OutOfTime(Exception):  # noqa: N818 - the name that CloudFormation shows
    """There is more to remove than the function has time for; deleting the stack again goes on."""


class Deadline:
    """How long the function may still work; `context` is the one that Lambda gives it."""

    def __init__(self, context: Any) -> None:
        left = context.get_remaining_time_in_millis() / 1000
        self._end: float = time.monotonic() + left - _MARGIN_SECONDS

    @property
    def passed(self) -> bool:
        """Whether it is time to answer."""
        return time.monotonic() >= self._end

    def check(self, doing: str) -> None:
        """Raise OutOfTime, which names what was being done, once it is time to answer."""
        if self.passed:
            raise OutOfTime(f"no time left while {doing}; delete the stack again to go on")

    def wait(self, seconds: float, doing: str) -> None:
        """Sleep before another look."""
        self.check(doing)
        time.sleep(seconds)
