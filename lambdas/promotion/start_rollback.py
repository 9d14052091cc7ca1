"""Start the roll back of exactly the model package that was rejected."""

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
    """Start one execution for a rejection; what prod serves is seen when its turn has come.

    Only then is it certain: a promotion of the package may be on its way, or one that replaces it.

    In: EventBridge "SageMaker Model Package State Change" with ModelApprovalStatus Rejected.
    Out: {"execution": name | null, "started": bool}; null where something else has changed.
    """
    settings = environment.read(Environment)
    detail = event["detail"]
    package = boto3.client("sagemaker").describe_model_package(ModelPackageName=detail["ModelPackageArn"])
    if detail["ModelApprovalStatus"] != "Rejected" or not is_decision(detail, package):
        return {"execution": None, "started": False}
    rejection = decision(event, package, page_role=settings.page_role)
    document = {
        "purpose": "roll back",
        "model": model_of_group(settings.models, rejection.group),
        "model_package_arn": rejection.package,
        "rejected": rejection.package,
        "rejected_at": rejection.at,
        "rejected_by": rejection.by,
        "event_id": event["id"],
        # Those of the release that it goes back to take their place.
        "approved_at": rejection.at,
        "approved_by": rejection.by,
        "digest": rejection.digest,
    }
    name = execution_name(f"rollback-{rejection.group}-{rejection.version}", event["id"])
    return start(settings, name=name, order=rejection.at, ordered=False, document=document)
