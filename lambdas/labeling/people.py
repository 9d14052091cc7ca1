"""Who is at work: known by their asking for tasks, so that nobody has to be listed."""

import time
from typing import Any

from lambdas.labeling import table_queries
from lambdas.labeling.callers import ANNOTATORS, Caller

AT_WORK_DAYS = 14
_PEOPLE = "PEOPLE"
_DAY = 24 * 3600


class People:
    """Those who asked for tasks lately, in the labeling table; noted once a day by each process."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._noted: set[tuple[Caller, int]] = set()

    def note(self, caller: Caller) -> None:
        """Remember that somebody is at work today."""
        now = int(time.time())
        if (caller, now // _DAY) in self._noted:
            return
        item = {
            "pk": _PEOPLE,
            "sk": caller.name,
            "groups": sorted(caller.groups),
            "seen": now,
            "expires": now + AT_WORK_DAYS * _DAY,
        }
        self._table.meta.client.put_item(TableName=self._table.name, Item=item)
        self._noted.add((caller, now // _DAY))

    def annotators(self) -> set[str]:
        """The annotators who were at work in the last 14 days."""
        since = int(time.time()) - AT_WORK_DAYS * _DAY
        return {
            item["sk"]
            for item in table_queries.part(self._table, _PEOPLE)
            if item["seen"] >= since and ANNOTATORS in item["groups"]
        }
