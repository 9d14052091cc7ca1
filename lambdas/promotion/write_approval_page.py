"""Write the page for the person who approves, and the words that lead there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lambdas.common import environment
from lambdas.common.objects import read_json
from lambdas.promotion.approval_notice import approval_notice
from lambdas.promotion.embedded_pictures import embed
from lambdas.promotion.failures import reason_of
from lambdas.promotion.kept_page import keep_page
from lambdas.promotion.pages.approval import approval_page
from lambdas.promotion.pages.review import Review, Version, worst_files


@dataclass(frozen=True)
class Environment:
    """Where the evidence goes."""

    artifacts_bucket: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Render and keep the page; without the comparison, saying why, where that failed.

    In: {"execution", "request": the whole state}; its "plan" is what plan_comparison gave.
    Out: {"page": uri, "subject", "message"}.
    """
    bucket = environment.read(Environment).artifacts_bucket
    request, execution = event["request"], event["execution"]
    s3 = boto3.client("s3")
    folder = f"releases/{request['model']}/{request['plan']['new']['version']}"
    # The page names itself where it nearly always lies; the notice names where it does.
    review = read_review(s3, request, page_uri=f"s3://{bucket}/{folder}/approval.html")
    pictures = embed(s3, request["plan"]["new"]["test_set"], worst_files(review))
    page = approval_page(replace(review, pictures=pictures))
    uri = keep_page(s3, bucket=bucket, folder=folder, name="approval", page=page, execution=execution)
    return {"page": uri, **approval_notice(replace(review, page_uri=uri))}


def read_review(s3: Any, request: Mapping[str, Any], *, page_uri: str) -> Review:
    """Read what the page is made of; only the new package's own documents have to be there."""
    plan = request["plan"]
    new = _version(plan["new"])
    documents = _beside(s3, plan["new"]["evaluation"].rpartition("/")[0])
    new = replace(new, manifest=read_json(s3, new.manifest_uri), **documents)
    remark = plan["remark"]
    prod = _version(plan["prod"]) if plan["prod"] else None
    if prod is not None:
        prod = replace(prod, manifest=_if_there(s3, prod.manifest_uri) or {})
    if prod is not None and plan["compare"]:
        prod, remark = _compared(s3, prod, plan["comparison"]["results"], request.get("failure"))
    return Review(request["model"], new, prod, remark, page_uri)


def _compared(s3: Any, prod: Version, results: str, failure: Mapping[str, str] | None) -> tuple[Version, str]:
    """Add what prod's model answered on the new test set; or say why it is not known."""
    failed = f"The comparison with {prod.name.lower()}, which prod serves, failed: "
    if failure:
        return prod, failed + reason_of(failure)
    try:
        return replace(prod, **_beside(s3, results)), ""
    except (ClientError, ValueError) as error:
        return prod, f"{failed}{results}: {error}"


def _version(package: Mapping[str, Any]) -> Version:
    return Version(
        number=package["version"],
        arn=package["arn"],
        registered_at=package["registered_at"],
        git_commit=package["git_commit"],
        manifest_uri=package["dataset_manifest"],
        evaluation_uri=package["evaluation"],
    )


def _beside(s3: Any, folder: str) -> dict[str, Any]:
    """Read an evaluation and, where they were kept, the predictions that it was made of."""
    predictions = _if_there(s3, f"{folder}/predictions.json")
    return {"evaluation": read_json(s3, f"{folder}/evaluation.json"), "predictions": predictions or []}


def _if_there(s3: Any, uri: str) -> Any:
    try:
        return read_json(s3, uri)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise
