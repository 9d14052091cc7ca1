from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pipeline_defs.common.job import JobError
from pipeline_defs.detection.label_query import (
    LabelTable,
    find_table,
    normal_time,
    point_in_time_query,
    run_query,
    wait_until_visible,
)
from pipeline_defs.detection.labels import LabelRow

NAMES = [
    "image_uri",
    "event_time",
    "image_sha256",
    "object_group",
    "boxes",
    "width",
    "height",
    "labeling_job",
    "approved",
    "is_deleted",
]


def values(number: int) -> list[str]:
    return [f"s3://b/{number}", "2026-11-21T10:00:00Z", "ab", "", "[]", "4", "3", "job", "1", "false"]


class Athena:
    """A workgroup that runs a query through `states` and then gives `pages` of rows."""

    def __init__(self, states: list[str], pages: list[list[list[str]]]) -> None:
        self.states, self.pages, self.started = states, pages, []

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, **_: Any) -> dict[str, Any]:
        state = self.states.pop(0)
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "TABLE_NOT_FOUND"}}}

    def get_paginator(self, _: str) -> "Athena":
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for page in self.pages:
            rows = [{"Data": [{"VarCharValue": cell} if cell else {} for cell in row]} for row in page]
            yield {"ResultSet": {"Rows": rows}}


def test_rows_of_all_pages_are_read_without_the_header() -> None:
    athena = Athena(["QUEUED", "RUNNING", "SUCCEEDED"], [[NAMES, values(1), values(2)], [values(3)]])
    waits: list[float] = []
    rows = run_query(athena, "labels", "SELECT", sleep=waits.append)
    assert [row.uri for row in rows] == ["s3://b/1", "s3://b/2", "s3://b/3"]
    assert rows[0].group == ""
    assert athena.started == [{"QueryString": "SELECT", "WorkGroup": "labels"}]
    assert len(waits) == 2


def test_a_failed_query_says_why() -> None:
    with pytest.raises(JobError, match="q-1 FAILED: TABLE_NOT_FOUND"):
        run_query(Athena(["FAILED"], []), "labels", "SELECT", sleep=lambda _: None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"),
        ("2026-11-21T12:00:00.900Z", "2026-11-21T12:00:00Z"),
        ("2026-11-21T13:30:00+01:30", "2026-11-21T12:00:00Z"),
        ("2026-11-21", "2026-11-21T23:59:59Z"),
    ],
)
def test_times_are_brought_to_the_form_of_the_label_store(text: str, expected: str) -> None:
    assert normal_time(text) == expected


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(JobError, match="--as-of 'yesterday'"):
        normal_time("yesterday")


def test_the_query_takes_checked_values_only() -> None:
    table = LabelTable("sagemaker_featurestore", "edgeline_labels_1700000000")
    sql = point_in_time_query(table, model="tags", as_of="2026-11-21T12:00:00Z")
    assert '"sagemaker_featurestore"."edgeline_labels_1700000000"' in sql
    assert "(model = 'tags' OR is_deleted) AND event_time <= '2026-11-21T12:00:00Z')" in sql
    with pytest.raises(JobError, match="not a name that can stand in a query"):
        point_in_time_query(table, model="tags' OR '1'='1", as_of="2026-11-21T12:00:00Z")


def test_the_table_s_name_comes_from_feature_store() -> None:
    class SageMaker:
        def describe_feature_group(self, **_: Any) -> dict[str, Any]:
            return {"OfflineStoreConfig": {"DataCatalogConfig": {"Database": "d", "TableName": "t"}}}

    assert find_table(SageMaker(), "edgeline-labels") == LabelTable("d", "t")


def row(event_time: str) -> LabelRow:
    return LabelRow("s3://b/1", event_time, "ab", "", "[]", 4, 3, "job", True, False)


LINE = '{"source-ref": "s3://b/1", "event-time": "2026-11-21T10:00:00Z"}'


def test_the_wait_ends_as_soon_as_every_label_shows() -> None:
    answers = [[], [row("2026-11-21T09:00:00Z")], [row("2026-11-21T10:00:00Z")]]
    waits: list[float] = []
    rows = wait_until_visible(lambda: answers.pop(0), [LINE], timeout_seconds=60, sleep=waits.append)
    assert rows[0].event_time == "2026-11-21T10:00:00Z"
    assert len(waits) == 2


def test_the_wait_is_bounded_and_names_a_label() -> None:
    waits: list[float] = []
    with pytest.raises(JobError, match="1 of 1 labels are not in the offline store"):
        wait_until_visible(list, [LINE], timeout_seconds=60, sleep=waits.append)
    assert 60 <= sum(waits) < 80


def test_without_a_manifest_nothing_is_waited_for() -> None:
    assert wait_until_visible(list, [], timeout_seconds=0) == []


def test_what_was_put_or_arrived_later_belongs_to_later_times() -> None:
    table = LabelTable("sagemaker_featurestore", "labels_1")
    sql = point_in_time_query(table, model="tags", as_of="2026-11-01", arrival=timedelta(minutes=15))
    assert "event_time <= '2026-11-01T23:59:59Z'" in sql
    assert "api_invocation_time < TIMESTAMP '2026-11-02 00:00:00'" in sql
    assert "write_time < TIMESTAMP '2026-11-02 00:15:00'" in sql
