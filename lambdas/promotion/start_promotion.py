"""Start the promotion of exactly the model package that was approved."""

from collections.abc import Mapping
from typing import Any

import boto3

from lambdas.common import environment
from lambdas.common.executions import execution_name
from lambdas.promotion.decisions import decision, is_decision
from lambdas.promotion.settings import model_of_group
from lambdas.promotion.starting import DecisionEnvironment as Environment
from lambdas.promotion.starting import start


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Start one execution for an approval; the same event again starts nothing.

    In: EventBridge "SageMaker Model Package State Change" with ModelApprovalStatus Approved.
    Out: {"execution": name | null, "started": bool}; null where something else than the approval has changed.
    """
    settings = environment.read(Environment)
    detail = event["detail"]
    package = boto3.client("sagemaker").describe_model_package(ModelPackageName=detail["ModelPackageArn"])
    if detail["ModelApprovalStatus"] != "Approved" or not is_decision(detail, package):
        return {"execution": None, "started": False}
    approval = decision(event, package, page_role=settings.page_role)
    document = {
        "purpose": "promote",
        "model": model_of_group(settings.models, approval.group),
        "model_package_arn": approval.package,
        "event_id": event["id"],
        "approved_at": approval.at,
        "approved_by": approval.by,
        "digest": approval.digest,
    }
    name = execution_name(f"{approval.group}-{approval.version}", event["id"])
    return start(settings, name=name, order=approval.at, ordered=True, document=document)
