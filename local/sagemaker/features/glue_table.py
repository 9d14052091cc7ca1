"""The Glue table over a feature group's offline store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.sagemaker.features.feature_types import GLUE_TYPES, PARTITIONS, STORE_COLUMNS
from local.sagemaker.model import SERVICE
from local.sagemaker.table import Record

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

DATABASE = "sagemaker_featurestore"
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def make_table(cloud: LocalCloud, group: Record) -> None:
    """Make the table of a new group, and the database of all groups."""
    glue = _glue(cloud, "glue:CreateDatabase", "glue:CreateTable")
    try:
        glue.create_database(DatabaseInput={"Name": DATABASE})
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
    glue.create_table(DatabaseName=DATABASE, TableInput=_table_input(group))


def change_table(cloud: LocalCloud, group: Record) -> None:
    """Give the table the columns that the group has now."""
    _glue(cloud, "glue:UpdateTable").update_table(DatabaseName=DATABASE, TableInput=_table_input(group))


def _glue(cloud: LocalCloud, *actions: str) -> Any:
    return cloud.service_session(SERVICE, actions).client("glue")


def _table_input(group: Record) -> Record:
    columns = [
        {"Name": item["FeatureName"].lower(), "Type": GLUE_TYPES[item["FeatureType"]]}
        for item in group["FeatureDefinitions"]
    ]
    columns += [{"Name": name, "Type": kind} for name, kind in STORE_COLUMNS.items()]
    config = group["OfflineStoreConfig"]
    return {
        "Name": config["DataCatalogConfig"]["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in PARTITIONS],
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "StorageDescriptor": {
            "Columns": columns,
            "Location": config["S3StorageConfig"]["ResolvedOutputS3Uri"],
            "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
            "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe"},
        },
    }
