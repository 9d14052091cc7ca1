from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

_EVENTS = Path(__file__).parents[3] / "fixtures/events"
_SPECIFICATION = {
    "Containers": [
        {"Image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:1", "ModelDataUrl": "s3://b/m.tar.gz"}
    ],
    "SupportedContentTypes": ["image/jpeg"],
    "SupportedResponseMIMETypes": ["application/json"],
}


def _package(lab: Any, **more: Any) -> str:
    arn: str = lab.sm.create_model_package(
        ModelPackageGroupName=lab.name, InferenceSpecification=_SPECIFICATION, **more
    )["ModelPackageArn"]
    return arn


@pytest.fixture
def group(lab: Any) -> str:
    lab.sm.create_model_package_group(ModelPackageGroupName=lab.name)
    return lab.name


def test_versions_count_up_and_are_never_given_again(lab: Any, group: str) -> None:
    first, second = _package(lab), _package(lab)
    lab.sm.delete_model_package(ModelPackageName=second)
    third = _package(lab)
    assert [arn.rsplit("/", 2)[1:] for arn in (first, second, third)] == [
        [group, "1"],
        [group, "2"],
        [group, "3"],
    ]


def test_a_package_waits_for_approval_and_keeps_who_gave_it_and_why(lab: Any, group: str) -> None:
    arn = _package(lab, CustomerMetadataProperties={"model": "tags"})
    assert (
        lab.sm.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    )
    lab.sm.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="looked at it"
    )
    package = lab.sm.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "looked at it"
    assert package["CustomerMetadataProperties"] == {"model": "tags"}
    assert package["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":root")


def test_the_event_has_the_form_of_the_real_one(lab: Any, group: str, events: list[dict[str, Any]]) -> None:
    metrics = {
        "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/evaluation.json"}}
    }
    arn = _package(lab, ModelMetrics=metrics, MetadataProperties={"GeneratedBy": "arn:aws:sagemaker:x"})
    lab.sm.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    real = json.loads((_EVENTS / "sagemaker_model_package_state_change.json").read_text())
    event = events[-1]
    assert (event["source"], event["detail-type"]) == ("aws.sagemaker", real["detail-type"])
    assert event["resources"] == [arn]
    assert event["detail"].pop("UpdatedModelPackageFields") == ["ModelApprovalStatus"]
    assert _form(event["detail"]) == _form(real["detail"])
    assert event["detail"]["ModelApprovalStatus"] == "Rejected"
    assert "UpdatedModelPackageFields" not in events[-2]["detail"], "nothing of a new package is updated"


def test_a_life_cycle_leaves_the_approval_as_it_is_and_is_told(
    lab: Any, group: str, events: list[dict[str, Any]]
) -> None:
    arn = _package(lab, ModelApprovalStatus="Approved")
    stage = {"Stage": "Production", "StageStatus": "Serving", "StageDescription": "since today"}
    lab.sm.update_model_package(ModelPackageArn=arn, ModelLifeCycle=stage)
    package = lab.sm.describe_model_package(ModelPackageName=arn)
    assert (package["ModelLifeCycle"], package["ModelApprovalStatus"]) == (stage, "Approved")
    assert events[-1]["detail"]["UpdatedModelPackageFields"] == ["ModelLifeCycle"]
    assert events[-1]["detail"]["ModelLifeCycle"] == stage


def _form(value: Any) -> Any:
    """Names and types without values; of a list the first item; only AWS looks up an image's digest."""
    if isinstance(value, dict):
        return {key: _form(item) for key, item in value.items() if key != "ImageDigest"}
    if isinstance(value, list):
        return [_form(item) for item in value[:1]]
    return type(value).__name__


def test_packages_are_listed_newest_first_by_group_and_approval(lab: Any, group: str) -> None:
    first, second = _package(lab), _package(lab)
    lab.sm.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    found = lab.sm.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [package["ModelPackageArn"] for package in found] == [second, first]
    approved = lab.sm.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [package["ModelPackageArn"] for package in approved["ModelPackageSummaryList"]] == [first]
    page = lab.sm.list_model_packages(ModelPackageGroupName=group, MaxResults=1)
    rest = lab.sm.list_model_packages(ModelPackageGroupName=group, MaxResults=1, NextToken=page["NextToken"])
    assert rest["ModelPackageSummaryList"][0]["ModelPackageArn"] == first
    assert "NextToken" not in rest


def test_a_repeated_request_registers_once(lab: Any, group: str) -> None:
    assert _package(lab, ClientToken="t" * 36) == _package(lab, ClientToken="t" * 36)


def test_a_group_with_packages_cannot_be_deleted(lab: Any, group: str) -> None:
    arn = _package(lab)
    with pytest.raises(ClientError, match="still has model packages"):
        lab.sm.delete_model_package_group(ModelPackageGroupName=group)
    lab.sm.delete_model_package(ModelPackageName=arn)
    lab.sm.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        lab.sm.describe_model_package_group(ModelPackageGroupName=group)


def test_iam_holds_approval_to_the_group_of_the_grant(lab: Any, group: str) -> None:
    arn = _package(lab)
    own = lab.role(lab.allow("sagemaker:UpdateModelPackage", arn.rsplit("/", 1)[0] + "/*"), suffix="own")
    other = lab.role(lab.allow("sagemaker:UpdateModelPackage", arn.replace(group, "other")), suffix="other")
    for role, allowed in ((own, True), (other, False)):
        credentials = lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")
        client = lab.cloud.session(credentials).client("sagemaker")
        if allowed:
            client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        else:
            with pytest.raises(ClientError, match="sagemaker:UpdateModelPackage"):
                client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_what_is_made_with_tags_needs_the_grant_to_tag_it(lab: Any) -> None:
    tagged = {"ModelPackageGroupName": lab.name, "Tags": [{"Key": "project", "Value": "lab"}]}
    create = lab.allow("sagemaker:CreateModelPackageGroup", "*")
    tag = lab.allow("sagemaker:AddTags", f"arn:aws:sagemaker:*:*:model-package-group/{lab.name}")
    for role, allowed in ((lab.role(create, suffix="mute"), False), (lab.role(create, tag), True)):
        credentials = lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")
        client = lab.cloud.session(credentials).client("sagemaker")
        if allowed:
            client.create_model_package_group(**tagged)
        else:
            with pytest.raises(ClientError, match=f"sagemaker:AddTags on resource: .*/{lab.name}"):
                client.create_model_package_group(**tagged)


def test_a_grant_to_register_what_waits_for_approval_registers_nothing_approved(lab: Any, group: str) -> None:
    pending = {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}}
    role = lab.role({**lab.allow("sagemaker:CreateModelPackage", "*"), "Condition": pending})
    credentials = lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")
    client = lab.cloud.session(credentials).client("sagemaker")
    package = {"ModelPackageGroupName": group, "InferenceSpecification": _SPECIFICATION}
    for refused in ({"ModelApprovalStatus": "Approved"}, {}):
        with pytest.raises(ClientError, match="sagemaker:CreateModelPackage"):
            client.create_model_package(**package, **refused)
    client.create_model_package(**package, ModelApprovalStatus="PendingManualApproval")


def test_a_grant_to_mark_the_life_cycle_approves_nothing(lab: Any, group: str) -> None:
    arn = _package(lab)
    condition = {
        "Null": {"sagemaker:ModelApprovalStatus": "true"},
        "StringEquals": {"sagemaker:ModelLifeCycle:stage": ["Staging", "Production"]},
    }
    role = lab.role({**lab.allow("sagemaker:UpdateModelPackage", arn), "Condition": condition})
    client = lab.cloud.session(lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")).client(
        "sagemaker"
    )
    stage = {"Stage": "Staging", "StageStatus": "Passed"}
    client.update_model_package(ModelPackageArn=arn, ModelLifeCycle=stage)
    for refused in (
        {"ModelLifeCycle": stage, "ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Approved"},
        {"ModelLifeCycle": {**stage, "Stage": "Elsewhere"}},
        {"CustomerMetadataProperties": {"code": "s3://another"}},
    ):
        with pytest.raises(ClientError, match="sagemaker:UpdateModelPackage"):
            client.update_model_package(ModelPackageArn=arn, **refused)
    assert lab.sm.describe_model_package(ModelPackageName=arn)["ModelLifeCycle"] == stage


def test_tags_are_kept_by_arn(lab: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    arn = lab.sm.create_model_package_group(ModelPackageGroupName=lab.name, Tags=tags)["ModelPackageGroupArn"]
    lab.sm.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    lab.sm.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert lab.sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_group_made_anew_does_not_let_in_whom_the_one_before_did(lab: Any, group: str) -> None:
    named = {"ModelPackageGroupName": group}
    shared = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [shared]})
    lab.sm.put_model_package_group_policy(**named, ResourcePolicy=policy)
    assert lab.sm.get_model_package_group_policy(**named)["ResourcePolicy"] == policy
    lab.sm.delete_model_package_group(**named)
    lab.sm.create_model_package_group(**named)
    with pytest.raises(ClientError, match="Cannot find a resource policy"):
        lab.sm.get_model_package_group_policy(**named)
