"""The labels as they were at a time: one query of the feature group's offline store, by Athena.

The newest event time of an image counts; of the same event time, as a retry or a correction within the second
leaves it, what was put last. A deletion has no value but the image and its time (docs/adr/0031).
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.labels import LabelRow, missing_records, parse_row

_COLUMNS = (
    "image_uri, event_time, image_sha256, object_group, boxes, width, height, labeling_job, "
    "approved, is_deleted"
)
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0)
_VISIBILITY_POLL_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
_QUERY_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class LabelTable:
    """The offline store's table; Feature Store chose its name."""

    database: str
    name: str


def normal_time(text: str) -> str:
    """Return an ISO-8601 time as the label store writes it, `YYYY-MM-DDTHH:MM:SSZ`; times compare as text.

    A day alone means all of it, in UTC.
    """
    if _DAY.fullmatch(text):
        text = f"{text}T23:59:59Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise JobError(f"--as-of {text!r}: not a time like 2026-11-21T12:00:00Z") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def point_in_time_query(
    table: LabelTable,
    *,
    model: str,
    as_of: str,
    columns: str = _COLUMNS,
    arrival: timedelta | None = None,
) -> str:
    """Return the SQL for the newest record of each image up to `as_of`, approved or not.

    With `arrival`, a record counts if it was put by then too, and was in the offline store within `arrival`
    of then: what comes later belongs to later times, so that the answer is the same whenever it is asked.
    Values are checked literals: the workgroup then keeps the whole query in its history.
    """
    for value in (table.database, table.name, model):
        if not _NAME.fullmatch(value):
            raise JobError(f"{value!r}: not a name that can stand in a query")
    known = "" if arrival is None else _known_by(normal_time(as_of), arrival)
    return (
        f"SELECT {columns} FROM (SELECT {columns}, row_number() OVER (PARTITION BY image_uri "  # noqa: S608
        f"ORDER BY event_time DESC, api_invocation_time DESC, write_time DESC, labeling_job DESC, "
        f'boxes DESC) AS newness FROM "{table.database}"."{table.name}" '
        f"WHERE (model = '{model}' OR is_deleted) AND event_time <= '{normal_time(as_of)}'{known}) "
        f"AS records WHERE newness = 1 ORDER BY image_uri"
    )


def _known_by(as_of: str, arrival: timedelta) -> str:
    """Seconds are whole: the one that `as_of` names is the last that counts."""
    end = datetime.fromisoformat(as_of) + timedelta(seconds=1)
    put, written = (f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (end, end + arrival))
    return f" AND api_invocation_time < {put} AND write_time < {written}"


def find_table(sagemaker: Any, feature_group: str) -> LabelTable:
    """Ask Feature Store for the offline store's table."""
    description = sagemaker.describe_feature_group(FeatureGroupName=feature_group)
    try:
        catalog = description["OfflineStoreConfig"]["DataCatalogConfig"]
    except KeyError as error:
        raise JobError(f"feature group {feature_group}: it has no offline store with a table") from error
    return LabelTable(database=catalog["Database"], name=catalog["TableName"])


def run_query(
    athena: Any, workgroup: str, sql: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[LabelRow]:
    """Run a query of the labels and read its rows."""
    return [parse_row(row) for row in query_rows(athena, workgroup, sql, sleep=sleep)]


def query_rows(
    athena: Any, workgroup: str, sql: str, *, sleep: Callable[[float], None] = time.sleep
) -> list[dict[str, str]]:
    """Run a query in the workgroup, whose settings say where its result goes; every value is text."""
    query = athena.start_query_execution(QueryString=sql, WorkGroup=workgroup)["QueryExecutionId"]
    waited = 0.0
    for pause in _pauses(_POLL_SECONDS):
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return list(_result_rows(athena, query))
        if status["State"] in ("FAILED", "CANCELLED"):
            raise JobError(
                f"Athena query {query} {status['State']}: {status.get('StateChangeReason', 'no reason')}"
            )
        if waited > _QUERY_TIMEOUT_SECONDS:
            athena.stop_query_execution(QueryExecutionId=query)
            raise JobError(f"Athena query {query} did not end within {_QUERY_TIMEOUT_SECONDS:.0f} s")
        sleep(pause)
        waited += pause
    raise AssertionError("pauses never end")


def wait_until_visible(
    query: Callable[[], list[LabelRow]],
    manifest: Sequence[str],
    *,
    timeout_seconds: float,
    sleep: Callable[[float], None] = time.sleep,
) -> list[LabelRow]:
    """Query until every line of the labels manifest shows: the offline store lags by up to 15 minutes."""
    waited = 0.0
    for pause in _pauses(_VISIBILITY_POLL_SECONDS):
        rows = query()
        missing = missing_records(manifest, rows)
        if not missing:
            return rows
        if waited >= timeout_seconds:
            raise JobError(
                f"{len(missing)} of {len(manifest)} labels are not in the offline store after "
                f"{waited:.0f} s, such as {missing[0]}: start the pipeline again later, or look at the "
                "status of the feature group"
            )
        print(f"labels visible {len(manifest) - len(missing)}/{len(manifest)}, waiting", flush=True)
        sleep(pause)
        waited += pause
    raise AssertionError("pauses never end")


def _result_rows(athena: Any, query: str) -> Iterator[dict[str, str]]:
    names: list[str] = []
    for page in athena.get_paginator("get_query_results").paginate(QueryExecutionId=query):
        for row in page["ResultSet"]["Rows"]:
            values = [cell.get("VarCharValue", "") for cell in row["Data"]]
            if names:
                yield dict(zip(names, values, strict=True))
            else:
                names = values  # the first row of the first page is the header


def _pauses(first: Sequence[float]) -> Iterator[float]:
    yield from first
    while True:
        yield first[-1]
