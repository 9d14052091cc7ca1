"""What SageMaker remembers of one kind of resource."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from local.cloud.errors import AwsError

Record = dict[str, Any]


def now() -> datetime:
    """Give the time in UTC, to the millisecond, as SageMaker's answers do."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


class Table:
    """Records by name, safe between threads. What it hands out is a copy.

    `missing` and `taken` word the error for a name that does not exist or that exists already: SageMaker's
    codes differ from one kind of resource to the next, and callers branch on them. Names have no case unless
    `cased`: most kinds have ARNs in lower case, and are found by the last part of their ARN too.
    """

    def __init__(
        self, missing: Callable[[str], AwsError], taken: Callable[[str], AwsError], *, cased: bool = False
    ) -> None:
        self._missing = missing
        self._taken = taken
        self._key: Callable[[str], str] = str if cased else str.lower
        self._records: dict[str, Record] = {}
        self._lock = threading.RLock()

    def add(self, name: str, record: Record) -> None:
        """Keep a new record; raises the `taken` error where the name is in use."""
        with self._lock:
            if self._key(name) in self._records:
                raise self._taken(name)
            self._records[self._key(name)] = copy.deepcopy(record)

    def get(self, name: str) -> Record:
        """Give a record; raises the `missing` error where there is none."""
        with self._lock:
            if self._key(name) not in self._records:
                raise self._missing(name)
            return copy.deepcopy(self._records[self._key(name)])

    def update(self, name: str, /, **changes: Any) -> Record:
        """Change fields of a record; a field set to None is taken away."""
        with self._lock:
            if self._key(name) not in self._records:
                raise self._missing(name)
            record = self._records[self._key(name)]
            record.update(copy.deepcopy(changes))
            for field in [key for key, value in changes.items() if value is None]:
                del record[field]
            return copy.deepcopy(record)

    def change(self, name: str, allowed: Callable[[Record], None], /, **changes: Any) -> Record:
        """Change fields of a record if `allowed`, which raises otherwise, lets it: both in one step."""
        with self._lock:
            allowed(self.get(name))
            return self.update(name, **changes)

    def remove(self, name: str) -> Record:
        """Forget a record and give it a last time."""
        with self._lock:
            record = self.get(name)
            del self._records[self._key(name)]
            return record

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return self._key(name) in self._records

    def records(self) -> list[Record]:
        """Give all the records in the order in which they were made."""
        with self._lock:
            return [copy.deepcopy(record) for record in self._records.values()]


def pick(record: Record, names: Iterable[str]) -> Record:
    """Keep the named fields that the record has."""
    return {name: record[name] for name in names if record.get(name) is not None}


def listing(
    records: Iterable[Record],
    params: Record,
    *,
    name: str,
    status: str | None = None,
    member: str,
    fields: Sequence[str],
) -> Record:
    """Answer a `List…` call: filtered, sorted and cut into pages as its parameters say."""
    chosen = [record for record in records if _wanted(record, params, name, status)]
    by = "CreationTime" if params.get("SortBy", "CreationTime") == "CreationTime" else name
    by = status if params.get("SortBy") == "Status" and status else by
    newest_first = params.get("SortOrder", "Descending") == "Descending"
    # The order of making breaks ties, newest first where asked: times are only to the millisecond.
    chosen = [r for _, r in sorted(enumerate(chosen), key=lambda i: (i[1][by], i[0]), reverse=newest_first)]
    start = int(params.get("NextToken") or 0)
    size = int(params.get("MaxResults", 100))
    answer: Record = {member: [pick(record, fields) for record in chosen[start : start + size]]}
    if start + size < len(chosen):
        answer["NextToken"] = str(start + size)
    return answer


def _wanted(record: Record, params: Record, name: str, status: str | None) -> bool:
    created = record["CreationTime"]
    return (
        params.get("NameContains", "").lower() in str(record[name]).lower()
        and (status is None or params.get("StatusEquals") in (None, record[status]))
        and _time(params.get("CreationTimeAfter"), datetime.min) <= created
        and created <= _time(params.get("CreationTimeBefore"), datetime.max)
    )


def _time(value: Any, otherwise: datetime) -> datetime:
    if value is None:
        return otherwise.replace(tzinfo=UTC)
    if isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(float(value), UTC)


def worded(message: Callable[[str], str], code: str = "ValidationException") -> Callable[[str], AwsError]:
    """Word the error of a missing or taken name, under SageMaker's code for it."""
    return lambda name: AwsError(code, message(name))
