"""ministack's Athena reads tables over files: every column of the table is there, whatever the files hold."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.services.athena", "_table_relation", ("table_data", "files")),
    Touchpoint("ministack.services.athena", "_empty_relation", ("table_data",)),
)


def read_every_column() -> None:
    """Let a column that came after the files were written read as NULL, as Athena does by the Glue table."""
    athena = module("services.athena")
    original = athena._table_relation

    @functools.wraps(original)
    def relation(table_data: Mapping[str, Any], files: Sequence[str]) -> str:
        found = str(original(table_data, files))
        if not found.startswith("read_parquet("):
            return found
        columns = athena._empty_relation(table_data)
        return f"(SELECT * FROM {columns} UNION ALL BY NAME SELECT * FROM {found})"  # noqa: S608

    athena._table_relation = relation
