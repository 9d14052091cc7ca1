"""Feature groups with an offline store, and the runtime that puts records into them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.sagemaker.events import emit, milliseconds
from local.sagemaker.features.feature_types import check_definition, read_record
from local.sagemaker.features.glue_table import DATABASE, change_table, make_table
from local.sagemaker.features.offline_store import OfflineStore, Row
from local.sagemaker.model import SERVICE, answer
from local.sagemaker.refuse import refuse, refuse_given, refuse_unless
from local.sagemaker.registry import last_part
from local.sagemaker.table import Record, Table, listing, now, worded
from local.sagemaker.tags import Tags

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_DEFAULT_DELAY_SECONDS = 2.0


class FeatureGroups:
    """The feature groups of the account. Records are visible on S3 `delay_seconds` after they were put."""

    def __init__(self, cloud: LocalCloud, tags: Tags, delay_seconds: float | None = None) -> None:
        given = os.environ.get("LOCAL_FEATURE_STORE_DELAY_SECONDS", str(_DEFAULT_DELAY_SECONDS))
        self.delay_seconds = float(given) if delay_seconds is None else delay_seconds
        self._cloud, self._tags = cloud, tags
        self._lock = threading.Lock()
        self._stores: dict[str, OfflineStore] = {}
        self._table = Table(
            worded(
                lambda name: (
                    f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"
                ),
                "ResourceNotFound",
            ),
            worded(
                lambda name: f"Resource Already Exists: FeatureGroup with name {name} already exists.",
                "ResourceInUse",
            ),
        )

    def create_feature_group(self, call: Call, **request: Any) -> Record:
        """Serve CreateFeatureGroup for offline groups: the Glue table is there when this returns."""
        name = request["FeatureGroupName"]
        check_definition(request)
        if request.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            raise refuse("CreateFeatureGroup with OnlineStoreConfig")
        refuse_given("CreateFeatureGroup", request, "ThroughputConfig")
        if not request.get("OfflineStoreConfig"):
            raise AwsError(
                "ValidationException", "Validation Error: neither an online nor an offline store is given"
            )
        self._check_role(request.get("RoleArn"))
        arn = call.arn("sagemaker", f"feature-group/{name}")
        tags = request.pop("Tags", [])
        request.pop("OnlineStoreConfig", None)
        time = now()
        group = {**request, "FeatureGroupArn": arn, "FeatureGroupStatus": "Created", "CreationTime": time}
        group["OfflineStoreConfig"] = self._offline_config(call, request, int(time.timestamp()))
        group |= {"OfflineStoreStatus": {"Status": "Active"}, "LastModifiedTime": time}
        self._table.add(name, group)
        self._tags.keep(arn, tags)
        if not group["OfflineStoreConfig"].get("DisableGlueTableCreation"):
            make_table(self._cloud, group)
        with self._lock:
            self._stores[name] = OfflineStore(
                group, self.delay_seconds, lambda: self._s3(group), lambda reason: self._note(name, reason)
            )
        self._emit(name)
        return {"FeatureGroupArn": arn}

    def _check_role(self, role: str | None) -> None:
        if not role:
            raise AwsError("ValidationException", "Validation Error: an offline store needs RoleArn")
        try:
            self._cloud.service_credentials(role, SERVICE, "feature-store")
        except AwsError as error:
            message = f"Validation Error: The execution role ARN {role} is invalid: {error.message}"
            raise AwsError("ValidationException", message) from error

    def _offline_config(self, call: Call, request: Record, epoch: int) -> Record:
        config = dict(request["OfflineStoreConfig"])
        refuse_unless("OfflineStoreConfig.TableFormat", config.get("TableFormat"), "Default", "Glue")
        refuse_given("OfflineStoreConfig", config, "DataCatalogConfig")
        name = request["FeatureGroupName"]
        base = config["S3StorageConfig"]["S3Uri"].rstrip("/")
        resolved = f"{base}/{call.account}/sagemaker/{call.region}/offline-store/{name}-{epoch}/data"
        config["S3StorageConfig"] = {**config["S3StorageConfig"], "ResolvedOutputS3Uri": resolved}
        if not config.get("DisableGlueTableCreation"):
            table = f"{name.replace('-', '_')}_{epoch}".lower()
            config["DataCatalogConfig"] = {
                "TableName": table,
                "Catalog": "AwsDataCatalog",
                "Database": DATABASE,
            }
        return config

    def _s3(self, group: Record) -> Any:
        credentials = self._cloud.service_credentials(group["RoleArn"], SERVICE, "feature-store")
        return self._cloud.session(credentials).client("s3")

    def _note(self, name: str, reason: str | None) -> None:
        status = {"Status": "Blocked", "BlockedReason": reason[:1024]} if reason else {"Status": "Active"}
        if name in self._table:
            self._table.update(name, OfflineStoreStatus=status)

    def describe_feature_group(self, call: Call, *, FeatureGroupName: str, **more: Any) -> Record:  # noqa: N803
        """Serve DescribeFeatureGroup."""
        # The model demands the token of a next page of features; there is never one.
        return {**answer("DescribeFeatureGroup", self.group(FeatureGroupName)), "NextToken": ""}

    def update_feature_group(self, call: Call, *, FeatureGroupName: str, **request: Any) -> Record:  # noqa: N803
        """Serve UpdateFeatureGroup for new features; what was put before has no value in them."""
        refuse_given("UpdateFeatureGroup", request, "OnlineStoreConfig", "ThroughputConfig")
        before = self.group(FeatureGroupName)
        features = [*before["FeatureDefinitions"], *request.get("FeatureAdditions", [])]
        check_definition({**before, "FeatureDefinitions": features})
        status = {"Status": "Successful"}
        changes = {"FeatureDefinitions": features, "LastModifiedTime": now(), "LastUpdateStatus": status}
        group = self._table.update(before["FeatureGroupName"], **changes)
        if not group["OfflineStoreConfig"].get("DisableGlueTableCreation"):
            change_table(self._cloud, group)
        with self._lock:
            self._stores[group["FeatureGroupName"]].change(group)
        self._emit(group["FeatureGroupName"])
        return {"FeatureGroupArn": group["FeatureGroupArn"]}

    def list_feature_groups(self, call: Call, **params: Any) -> Record:
        """Serve ListFeatureGroups."""
        params["StatusEquals"] = params.pop("FeatureGroupStatusEquals", None)
        return listing(
            self._table.records(),
            params,
            name="FeatureGroupName",
            status="FeatureGroupStatus",
            member="FeatureGroupSummaries",
            fields=(
                "FeatureGroupName",
                "FeatureGroupArn",
                "CreationTime",
                "FeatureGroupStatus",
                "OfflineStoreStatus",
            ),
        )

    def delete_feature_group(self, call: Call, *, FeatureGroupName: str) -> None:  # noqa: N803
        """Serve DeleteFeatureGroup; like AWS, the files on S3 and the Glue table stay."""
        name = self.group(FeatureGroupName)["FeatureGroupName"]
        with self._lock:
            store = self._stores.pop(name, None)
        if store:
            store.close()
        self._tags.forget(self._table.remove(name)["FeatureGroupArn"])

    def group(self, name_or_arn: str) -> Record:
        """Give a feature group."""
        return self._table.get(last_part(name_or_arn))

    def put(self, name: str, row: Row) -> None:
        """Hand a row to a group's offline store."""
        with self._lock:
            self._stores[name].put(row)

    def close(self) -> None:
        """Write what waits in every group."""
        with self._lock:
            stores = list(self._stores.values())
        for store in stores:
            store.close()

    def _emit(self, name: str) -> None:
        group = self._table.get(name)
        fields = (
            "FeatureGroupArn",
            "FeatureGroupName",
            "RecordIdentifierFeatureName",
            "EventTimeFeatureName",
        )
        detail = {
            field: group[field] for field in (*fields, "FeatureDefinitions", "OfflineStoreConfig", "RoleArn")
        }
        detail |= {"CreationTime": milliseconds(group["CreationTime"]), "FeatureGroupStatus": "Active"}
        detail["Tags"] = {tag["Key"]: tag["Value"] for tag in self._tags.of(group["FeatureGroupArn"])}
        emit(self._cloud, "Feature Group State Change", detail, [group["FeatureGroupArn"]])


class FeatureStoreRuntime:
    """PutRecord and DeleteRecord; reading is refused as AWS refuses it for groups without an online store."""

    def __init__(self, groups: FeatureGroups) -> None:
        self._groups = groups

    def resource_arns(self, call: Call, operation: str, parameters: dict[str, Any]) -> list[str]:
        """Give the feature groups that IAM checks the call against."""
        names = [item["FeatureGroupName"] for item in parameters.get("Identifiers", [])]
        names = names or [parameters["FeatureGroupName"]]
        return [call.arn("sagemaker", f"feature-group/{last_part(name)}") for name in names]

    def put_record(self, call: Call, *, FeatureGroupName: str, Record: list[Any], **more: Any) -> None:  # noqa: N803
        """Serve PutRecord into the offline store."""
        group = self._group(FeatureGroupName)
        self._check_stores(group, more.get("TargetStores"))
        refuse_given("PutRecord", more, "TtlDuration")
        values = read_record(group, Record)
        self._groups.put(group["FeatureGroupName"], Row(values, now(), deleted=False))

    def delete_record(self, call: Call, *, FeatureGroupName: str, **request: Any) -> None:  # noqa: N803
        """Serve DeleteRecord: a row that says that the record is deleted from its event time on."""
        group = self._group(FeatureGroupName)
        self._check_stores(group, request.get("TargetStores"))
        record = [
            {
                "FeatureName": group["RecordIdentifierFeatureName"],
                "ValueAsString": request["RecordIdentifierValueAsString"],
            },
            {"FeatureName": group["EventTimeFeatureName"], "ValueAsString": request["EventTime"]},
        ]
        self._groups.put(group["FeatureGroupName"], Row(read_record(group, record), now(), deleted=True))

    def get_record(self, call: Call, *, FeatureGroupName: str, **more: Any) -> Record:  # noqa: N803
        """Refuse GetRecord: there is no online store."""
        raise self._no_online_store(self._group(FeatureGroupName))

    def batch_get_record(self, call: Call, *, Identifiers: list[Record], **more: Any) -> Record:  # noqa: N803
        """Refuse BatchGetRecord: there is no online store."""
        raise self._no_online_store(self._group(Identifiers[0]["FeatureGroupName"]))

    def _group(self, name: str) -> Record:
        try:
            return self._groups.group(name)
        except AwsError as error:
            raise AwsError("ResourceNotFound", error.message, 404) from error

    def _check_stores(self, group: Record, stores: list[str] | None) -> None:
        if stores and "OnlineStore" in stores:
            raise self._no_online_store(group)

    def _no_online_store(self, group: Record) -> AwsError:
        message = (
            f"Validation Error: OnlineStore is not enabled for FeatureGroup {group['FeatureGroupName']}."
        )
        return AwsError("ValidationError", message)
