"""A table whose caller is cut off: before a write, as when a function is ended, or after it."""

import threading
from typing import Any

_WRITES = ("put_item", "update_item", "transact_write_items")


class CutError(Exception):
    """The function is no more; what it had written stays."""


class CutTable:
    """A boto3 Table of which the calls number `at` and no other is cut, counted from 1.

    `before`: whether the write is not made, or made and its caller is not told.
    """

    def __init__(self, table: Any, *, at: int, before: bool) -> None:
        self.name = table.name
        self.meta = self
        self.client = _CutClient(table.meta.client, self)
        self.made = 0
        self._at, self._before, self._lock = at, before, threading.Lock()

    def write(self, make: Any, given: dict[str, Any]) -> Any:
        with self._lock:
            self.made += 1
            is_cut = self.made == self._at
        if is_cut and self._before:
            raise CutError
        answer = make(**given)
        if is_cut:
            raise CutError
        return answer


class _CutClient:
    def __init__(self, client: Any, table: CutTable) -> None:
        self._client, self._table = client, table

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in _WRITES:
            return call
        return lambda **given: self._table.write(call, given)
