"""Mark in the registry where a package is on its way: the stage of its life cycle, and nothing else of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from lambdas.common.executions import message_of

STAGING, PRODUCTION = "Staging", "Production"
_LONGEST_DESCRIPTION = 1024
# A member of a tree that waits for others, or was put back because another failed.
_WAITS = ("Held", "ReleasedTogether")


@dataclass(frozen=True)
class Mark:
    """A package's stage and its status there; letters and digits only, as the registry wants them."""

    package: str
    stage: str
    status: str
    description: str = ""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Mark every package that the promotion, as far as it has come, concerns; safe to repeat.

    In: {"promotion": the whole state of the promotion, "execution"}.
    Out: {"marks": [{"package", "stage", "status", "description"}]}.
    """
    sagemaker = boto3.client("sagemaker")
    found = marks(event["promotion"], event["execution"])
    for mark in found:
        sagemaker.update_model_package(
            ModelPackageArn=mark.package,
            ModelLifeCycle={
                "Stage": mark.stage,
                "StageStatus": mark.status,
                # On one line: the registry refuses another.
                "StageDescription": " ".join(mark.description.split())[:_LONGEST_DESCRIPTION],
            },
        )
    return {"marks": [mark.__dict__ for mark in found]}


def marks(promotion: Mapping[str, Any], execution: str) -> list[Mark]:
    """Tell from the state of a promotion where its package is, and the one that it replaces."""
    package, by = promotion["model_package_arn"], f"by {execution}"
    failure = promotion.get("failure")
    if failure:
        return _failed(promotion, f"{failure['Error']}: {message_of(failure['Cause'])}")
    if "prod_smoke" in promotion:
        return [Mark(package, PRODUCTION, "Serving", by), *_replaced(promotion, by)]
    if "prod_before" in promotion:
        return [Mark(package, PRODUCTION, "InProgress", by)]
    return [Mark(package, STAGING, "Passed" if "staging_test" in promotion else "InProgress", by)]


def _failed(promotion: Mapping[str, Any], reason: str) -> list[Mark]:
    package, error = promotion["model_package_arn"], promotion["failure"]["Error"]
    if "cut_off" in promotion and "todo" not in promotion:
        # In prod it is marked when it is replaced there, or has been there before.
        of_tree = promotion.get("tree", {}).get("prod", {})
        serving = promotion.get("serving") or of_tree.get(promotion["model"])
        not_there = serving is not None and serving["model_package"] != package
        return [Mark(package, STAGING, "Failed", reason)] if not_there else []
    if error in _WAITS and promotion["purpose"] == "promote" and "prod_before" not in promotion:
        return [Mark(package, STAGING, "Held", reason)]
    if "package" not in promotion:
        return []
    before = promotion.get("prod_before")
    if before is None:
        # A release that could not be gone back to stays what it was.
        return [Mark(package, STAGING, "Failed", reason)] if promotion["purpose"] == "promote" else []
    back = before.get("model_package")
    if back == package:
        return [Mark(package, PRODUCTION, "Serving", f"as before; {reason}")]
    waits = error in _WAITS and promotion["purpose"] == "promote"
    status = "RolledBack" if error == "RolledBack" else "Held" if waits else "Failed"
    put_back = [Mark(back, PRODUCTION, "Serving", f"as before; {reason}")] if back else []
    return [Mark(package, PRODUCTION, status, reason), *put_back]


def _replaced(promotion: Mapping[str, Any], by: str) -> list[Mark]:
    before = promotion["prod_before"].get("model_package")
    if not before or before == promotion["model_package_arn"]:
        return []
    if before == promotion.get("rejected"):
        return [Mark(before, PRODUCTION, "RolledBack", by)]
    return [Mark(before, PRODUCTION, "Failed" if "cut_off" in promotion else "Replaced", by)]
