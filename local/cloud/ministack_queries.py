"""Athena as ministack has it, mended: what a query reads, who asked may read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from local.cloud import ministack_request
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (Touchpoint("ministack.services.athena", "_materialize_table_files", ("location", "workdirs")),)

Enforce = Callable[..., None]


def mend(enforce: Enforce, region: str) -> None:
    """Hold a query's reading to the policies of who asked, as Athena does."""
    athena = module("services.athena")
    original = athena._materialize_table_files

    @functools.wraps(original)
    def read(location: str, workdirs: Any) -> Any:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        where = f"arn:aws:s3:::{bucket}"
        token = ministack_request.method.set("GET")
        try:
            key = ministack_request.access_key.get() or ""
            enforce(key, "s3:ListBucket", region, where, {"s3:prefix": prefix})
            enforce(key, "s3:GetObject", region, f"{where}/{prefix.rstrip('/')}/data")
        finally:
            ministack_request.method.reset(token)
        return original(location, workdirs)

    athena._materialize_table_files = read
