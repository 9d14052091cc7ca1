"""The offline store of a feature group: parquet files on S3, some time after the records were put."""

from __future__ import annotations

import io
import logging
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.sagemaker.features.feature_types import GLUE_TYPES, event_time
from local.sagemaker.s3_transfer import bucket_and_key
from local.sagemaker.table import now

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 2.0


@dataclass(frozen=True)
class Row:
    """One record put, or one deletion."""

    values: Mapping[str, Any]
    invoked: datetime
    deleted: bool


class OfflineStore:
    """Collects the rows of one feature group and writes them, `delay_seconds` later, as its role.

    `s3()` gives a client with the role's credentials. `on_status(reason)` hears why rows cannot be written,
    None once they can: the rows are kept and tried again.
    """

    def __init__(
        self,
        group: Mapping[str, Any],
        delay_seconds: float,
        s3: Callable[[], Any],
        on_status: Callable[[str | None], None],
    ) -> None:
        self._group, self._delay, self._s3, self._on_status = group, delay_seconds, s3, on_status
        self._rows: list[Row] = []
        self._due = 0.0
        self._changed = threading.Condition()
        self._closed = False
        name = group["FeatureGroupName"]
        self._writer = threading.Thread(
            target=self._write_until_closed, name=f"offline store {name}", daemon=True
        )
        self._writer.start()

    def put(self, row: Row) -> None:
        """Take a row."""
        with self._changed:
            if not self._rows:
                self._due = time.monotonic() + self._delay
            self._rows.append(row)
            self._changed.notify()

    def change(self, group: Mapping[str, Any]) -> None:
        """Write rows with the features that the group has from now on."""
        self._group = group

    def close(self) -> None:
        """Write what waits, without its delay, and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._writer.join(30)

    def _write_until_closed(self) -> None:
        # Late, as only a cloud with a feature group needs its 40 MB; early enough for the first row.
        import pyarrow.parquet  # noqa: F401

        while True:
            with self._changed:
                while not self._closed and (not self._rows or time.monotonic() < self._due):
                    self._changed.wait(max(0.01, self._due - time.monotonic()) if self._rows else None)
                rows, self._rows, last = self._rows, [], self._closed
            try:
                self._write(rows)
                self._on_status(None)
            except Exception as error:  # whatever keeps S3 from taking them, the rows are not lost
                _log.warning("offline store of %s: %s", self._group["FeatureGroupName"], error)
                self._on_status(str(error))
                with self._changed:
                    self._rows = rows + self._rows
                    self._due = time.monotonic() + _RETRY_SECONDS
            if last:
                return

    def _write(self, rows: Sequence[Row]) -> None:
        feature = self._group["EventTimeFeatureName"]
        hours: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            hours[event_time(row.values[feature]).strftime("year=%Y/month=%m/day=%d/hour=%H")].append(row)
        if not hours:
            return
        config = self._group["OfflineStoreConfig"]["S3StorageConfig"]
        bucket, prefix = bucket_and_key(config["ResolvedOutputS3Uri"])
        key = config.get("KmsKeyId")
        more = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        s3, written = self._s3(), now()
        for hour, own in hours.items():
            name = f"{written:%Y%m%dT%H%M%SZ}_{secrets.token_hex(8)}.parquet"
            body = parquet(self._group["FeatureDefinitions"], own, written)
            s3.put_object(Bucket=bucket, Key=f"{prefix}/{hour}/{name}", Body=body, **more)


def parquet(features: Sequence[Mapping[str, str]], rows: Sequence[Row], written: datetime) -> bytes:
    """Give the file that holds rows which were written at a time, as the offline store lays it out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"bigint": pa.int64(), "double": pa.float64(), "string": pa.string()}
    columns: dict[str, Any] = {
        item["FeatureName"].lower(): pa.array(
            [row.values.get(item["FeatureName"]) for row in rows], types[GLUE_TYPES[item["FeatureType"]]]
        )
        for item in features
    }
    moment = pa.timestamp("ms")
    columns["write_time"] = pa.array([written.replace(tzinfo=None)] * len(rows), moment)
    columns["api_invocation_time"] = pa.array([row.invoked.replace(tzinfo=None) for row in rows], moment)
    columns["is_deleted"] = pa.array([row.deleted for row in rows], pa.bool_())
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()
