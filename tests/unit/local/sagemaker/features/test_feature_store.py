from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

_FEATURES = [
    ("image_uri", "String"),
    ("event_time", "String"),
    ("width", "Integral"),
    ("score", "Fractional"),
]


def _create(lab: Any, role: str, **more: Any) -> dict[str, Any]:
    lab.plugin.feature_groups.delay_seconds = 0.1
    request = {
        "FeatureGroupName": lab.name,
        "RecordIdentifierFeatureName": "image_uri",
        "EventTimeFeatureName": "event_time",
        "FeatureDefinitions": [{"FeatureName": name, "FeatureType": kind} for name, kind in _FEATURES],
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{lab.name}/feature-store/"}},
        "RoleArn": role,
        **more,
    }
    lab.sm.create_feature_group(**request)
    group: dict[str, Any] = lab.sm.describe_feature_group(FeatureGroupName=lab.name)
    return group


def _put(lab: Any, **values: str) -> None:
    record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
    lab.client("sagemaker-featurestore-runtime").put_record(FeatureGroupName=lab.name, Record=record)


def _query(lab: Any, sql: str) -> list[list[str]]:
    athena = lab.client("athena")
    started = athena.start_query_execution(
        QueryString=sql, ResultConfiguration={"OutputLocation": f"s3://{lab.name}/athena/"}
    )["QueryExecutionId"]

    def look() -> Any:
        status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
        assert status["State"] != "FAILED", status
        return status["State"] == "SUCCEEDED"

    lab.until(look)
    rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows[1:]]


def _as_of(group: dict[str, Any], time: str) -> str:
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    # The values are this test's own.
    return f"""
        SELECT image_uri, width, score FROM (
            SELECT *, row_number() OVER (
                PARTITION BY image_uri ORDER BY event_time DESC, api_invocation_time DESC, write_time DESC
            ) AS newest
            FROM "{catalog["Database"]}"."{catalog["TableName"]}" WHERE event_time <= '{time}'
        ) WHERE newest = 1 AND NOT is_deleted ORDER BY image_uri
    """  # noqa: S608


def test_athena_sees_the_labels_as_they_were_at_a_time(lab: Any) -> None:
    group = _create(lab, lab.role())
    assert _query(lab, _as_of(group, "2026-02-01T00:00:00Z")) == []
    _put(lab, image_uri="a", event_time="2026-01-01T10:00:00Z", width="1", score="0.5")
    _put(lab, image_uri="a", event_time="2026-01-02T10:00:00Z", width="2")
    _put(lab, image_uri="b", event_time="2026-01-01T10:00:00Z", width="3")
    _put(lab, image_uri="c", event_time="2026-03-01T10:00:00Z", width="4")
    lab.client("sagemaker-featurestore-runtime").delete_record(
        FeatureGroupName=lab.name, RecordIdentifierValueAsString="b", EventTime="2026-01-03T10:00:00Z"
    )
    lab.until(lambda: len(_query(lab, _as_of(group, "2026-04-01T00:00:00Z"))) == 2)
    assert _query(lab, _as_of(group, "2026-02-01T00:00:00Z")) == [["a", "2", ""]]
    assert _query(lab, _as_of(group, "2026-01-01T12:00:00Z")) == [["a", "1", "0.5"], ["b", "3", ""]]


def test_the_files_lie_as_aws_lays_them(lab: Any) -> None:
    group = _create(lab, lab.role())
    _put(lab, image_uri="a", event_time="2026-01-01T10:00:00Z")
    keys = lab.until(lambda: lab.keys("feature-store/"))
    resolved = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    table = group["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]
    assert resolved.startswith(
        f"s3://{lab.name}/feature-store/000000000000/sagemaker/eu-west-1/offline-store/{lab.name}-"
    )
    assert table == resolved.split("/")[-2].replace("-", "_")
    assert keys[0].startswith(
        resolved.removeprefix(f"s3://{lab.name}/") + "/year=2026/month=01/day=01/hour=10/"
    )
    assert keys[0].endswith(".parquet")


def test_rows_that_the_role_may_not_write_wait_and_the_group_says_why(lab: Any) -> None:
    role = lab.role(lab.allow("s3:GetObject", f"arn:aws:s3:::{lab.name}/*"))
    _create(lab, role)
    _put(lab, image_uri="a", event_time="2026-01-01T10:00:00Z")

    def status() -> Any:
        found = lab.sm.describe_feature_group(FeatureGroupName=lab.name)["OfflineStoreStatus"]
        return found if found["Status"] == "Blocked" else None

    assert "s3:PutObject" in lab.until(status)["BlockedReason"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [lab.allow("s3:*", "*")]})
    lab.client("iam").put_role_policy(
        RoleName=role.rsplit("/", 1)[1], PolicyName="later", PolicyDocument=policy
    )
    lab.until(lambda: lab.keys("feature-store/"))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"image_uri": "a"}, "no value for 'event_time'"),
        ({"event_time": "2026-01-01T10:00:00Z"}, "no value for 'image_uri'"),
        ({"image_uri": "a", "event_time": "yesterday"}, "Event time 'yesterday'"),
        ({"image_uri": "a", "event_time": "2026-01-01T10:00:00Z", "width": "wide"}, "'wide' is not Integral"),
        ({"image_uri": "a", "event_time": "2026-01-01T10:00:00Z", "x": "1"}, "'x' is not in feature group"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(lab: Any, values: dict[str, str], named: str) -> None:
    _create(lab, lab.role())
    with pytest.raises(ClientError, match=named):
        _put(lab, **values)


def test_reading_is_refused_as_there_is_no_online_store(lab: Any) -> None:
    _create(lab, lab.role())
    client = lab.client("sagemaker-featurestore-runtime")
    with pytest.raises(ClientError, match="OnlineStore is not enabled"):
        client.get_record(FeatureGroupName=lab.name, RecordIdentifierValueAsString="a")
    identifiers = [{"FeatureGroupName": lab.name, "RecordIdentifiersValueAsString": ["a"]}]
    with pytest.raises(ClientError, match="OnlineStore is not enabled"):
        client.batch_get_record(Identifiers=identifiers)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"EventTimeFeatureName": "width"}, "event time feature must be"),
        ({"RecordIdentifierFeatureName": "nothing"}, "'nothing' is not among"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": True}}, "OnlineStoreConfig"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "role/nobody is invalid"),
        (
            {
                "FeatureDefinitions": [
                    {"FeatureName": name, "FeatureType": "String"} for name in ("is_deleted",)
                ]
            },
            "reserved names: is_deleted",
        ),
    ],
)
def test_a_group_that_aws_would_refuse_is_refused(lab: Any, more: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named):
        _create(lab, lab.role(), **more)


def test_a_deleted_group_leaves_its_files(lab: Any) -> None:
    _create(lab, lab.role())
    _put(lab, image_uri="a", event_time="2026-01-01T10:00:00Z")
    lab.sm.delete_feature_group(FeatureGroupName=lab.name)
    assert lab.keys("feature-store/")
    with pytest.raises(ClientError, match="can't find a FeatureGroup"):
        lab.sm.describe_feature_group(FeatureGroupName=lab.name)


def _add(lab: Any, name: str, kind: str) -> None:
    added = [{"FeatureName": name, "FeatureType": kind}]
    lab.sm.update_feature_group(FeatureGroupName=lab.name, FeatureAdditions=added)


def test_an_added_feature_is_empty_in_what_was_put_before(lab: Any) -> None:
    group = _create(lab, lab.role())
    _put(lab, image_uri="old", event_time="2026-01-01T10:00:00Z", width="1")
    lab.until(lambda: lab.keys("feature-store/"))
    _add(lab, "round", "Integral")
    _put(lab, image_uri="new", event_time="2026-01-02T10:00:00Z", width="2", round="3")
    catalog = group["OfflineStoreConfig"]["DataCatalogConfig"]
    table = f'"{catalog["Database"]}"."{catalog["TableName"]}"'
    sql = f"SELECT image_uri, width, round FROM {table} ORDER BY event_time"  # noqa: S608
    assert _query(lab, sql)[0] == ["old", "1", ""], "a column that no file has yet"
    lab.until(lambda: len(_query(lab, sql)) == 2)
    assert _query(lab, sql) == [["old", "1", ""], ["new", "2", "3"]]
    described = lab.sm.describe_feature_group(FeatureGroupName=lab.name)
    assert described["FeatureDefinitions"][-1] == {"FeatureName": "round", "FeatureType": "Integral"}
    assert described["LastUpdateStatus"] == {"Status": "Successful"}


def test_a_feature_that_is_there_is_not_added_and_the_online_store_is_refused(lab: Any) -> None:
    _create(lab, lab.role())
    with pytest.raises(ClientError, match="width more than once"):
        _add(lab, "Width", "Integral")
    ttl = {"TtlDuration": {"Unit": "Days", "Value": 1}}
    with pytest.raises(ClientError, match="UpdateFeatureGroup with OnlineStoreConfig"):
        lab.sm.update_feature_group(FeatureGroupName=lab.name, OnlineStoreConfig=ttl)
