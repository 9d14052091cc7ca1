"""Remove what the registry and the Feature Store hold beyond their own resources: packages, a Glue table."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from lambdas.teardown.deadline import Deadline
from lambdas.teardown.gone import is_gone, unless_gone


def remove_packages(sagemaker: Any, groups: Sequence[str], deadline: Deadline) -> None:
    """Delete every model package of these groups; SageMaker deletes a group only when it is empty."""
    for group in groups:
        for arn in _packages(sagemaker, group):
            deadline.check(f"deleting the model packages of {group}")
            unless_gone(sagemaker.delete_model_package, ModelPackageName=arn)


def remove_table(sagemaker: Any, glue: Any, feature_group: str) -> None:
    """Delete the Glue table that Feature Store made for a feature group, and leaves behind."""
    described = unless_gone(sagemaker.describe_feature_group, FeatureGroupName=feature_group)
    catalog = ((described or {}).get("OfflineStoreConfig") or {}).get("DataCatalogConfig")
    if catalog:
        unless_gone(glue.delete_table, DatabaseName=catalog["Database"], Name=catalog["TableName"])


def _packages(sagemaker: Any, group: str) -> list[str]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    try:
        return [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]
    except ClientError as error:
        if is_gone(error):
            return []
        raise
