"""The Data stack: what holds state keeps its identity, is encrypted, and outlives the stack."""

from typing import Any

import pytest
from cloud_assembly import Assembly, Template

STATE = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackageGroup",
}


# What pipelines hand from action to action; a copy of what was deployed.
PASSED_ON = "WorkflowsD2A3D03F"


@pytest.fixture
def data(templates: dict[str, Template]) -> Template:
    return templates["Data"]


def of_kind(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {k: r["Properties"] for k, r in template["Resources"].items() if r["Type"] == kind}


def test_logical_ids_of_what_holds_state(data: Template) -> None:
    """A changed logical id makes CloudFormation replace the resource, without what was in it."""
    held = {k: r["Type"] for k, r in data["Resources"].items() if r["Type"] in STATE}
    assert held == {
        "Key961B73FD": "AWS::KMS::Key",
        "AccessLogs8B620ECA": "AWS::S3::Bucket",
        "Images2D38C313": "AWS::S3::Bucket",
        "Artifacts82DD59A1": "AWS::S3::Bucket",
        PASSED_ON: "AWS::S3::Bucket",
        "LabelsFeatureGroupE59F7D3A": "AWS::SageMaker::FeatureGroup",
        "ModelPackageGrouptags": "AWS::SageMaker::ModelPackageGroup",
    }


def test_what_holds_state_outlives_its_stack(data: Template) -> None:
    for logical_id, resource in data["Resources"].items():
        if resource["Type"] in STATE and logical_id != PASSED_ON:
            assert resource["DeletionPolicy"] == "Retain", logical_id
            assert resource["UpdateReplacePolicy"] == "Retain", logical_id


def test_lasting_state_is_in_this_stack_only(assembly: Assembly) -> None:
    """What the delivery carries goes with its stack."""
    kinds = STATE - {"AWS::DynamoDB::Table"}  # a workflow's own bookkeeping
    lasting = [(stack, r["DeletionPolicy"]) for stack, _, r in assembly.resources() if r["Type"] in kinds]
    assert {stack for stack, policy in lasting if policy == "Retain"} == {"Data"}


def test_buckets_are_private_encrypted_and_versioned(data: Template) -> None:
    buckets = of_kind(data, "AWS::S3::Bucket")
    for logical_id in ("Images2D38C313", "Artifacts82DD59A1"):
        (rule,) = buckets[logical_id]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True
        assert rule["ServerSideEncryptionByDefault"] == {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": {"Fn::GetAtt": ["Key961B73FD", "Arn"]},
        }
        assert buckets[logical_id]["VersioningConfiguration"] == {"Status": "Enabled"}
        assert buckets[logical_id]["LoggingConfiguration"]["DestinationBucketName"] == {
            "Ref": "AccessLogs8B620ECA"
        }
    assert all(all(b["PublicAccessBlockConfiguration"].values()) for b in buckets.values())


def test_evidence_is_written_once_and_deleted_by_nobody(data: Template) -> None:
    (statements,) = [
        policy["PolicyDocument"]["Statement"]
        for policy in of_kind(data, "AWS::S3::BucketPolicy").values()
        if policy["Bucket"] == {"Ref": "Artifacts82DD59A1"}
    ]
    by_sid = {statement.get("Sid"): statement for statement in statements}
    once, never = by_sid["WrittenOnce"], by_sid["NeverDeleted"]
    assert (once["Effect"], once["Principal"], once["Action"]) == ("Deny", {"AWS": "*"}, "s3:PutObject")
    assert once["Condition"] == {"Null": {"s3:if-none-match": "true"}}
    assert (never["Effect"], never["Principal"]) == ("Deny", {"AWS": "*"})
    assert never["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert "Condition" not in never, "no one is excepted where the bucket outlives its stack"
    ends = {arn["Fn::Join"][1][-1] for arn in once["Resource"]}
    kept = ("release*.json", "release*.html", "approval*.html", "rollout*.json")
    assert ends == {f"/releases/*/{name}" for name in kept}
    assert never["Resource"] == once["Resource"]


def test_nothing_but_query_results_logs_and_what_runs_pass_on_expires(data: Template) -> None:
    rules = of_kind(data, "AWS::S3::Bucket")["Artifacts82DD59A1"]["LifecycleConfiguration"]["Rules"]
    expires = [(rule.get("Prefix"), rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule]
    assert sorted(expires) == [("athena/", 30), ("passing/", 14)]
    forgets = {
        rule.get("Prefix"): rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in rules
        if "NoncurrentVersionExpiration" in rule
    }
    assert forgets == {None: 90, "passing/": 1}
    images = of_kind(data, "AWS::S3::Bucket")["Images2D38C313"]["LifecycleConfiguration"]["Rules"]
    assert not any({"ExpirationInDays", "NoncurrentVersionExpiration"} & set(rule) for rule in images)


def test_what_pipelines_pass_on_is_encrypted_expires_and_goes_with_the_stack(data: Template) -> None:
    bucket = data["Resources"][PASSED_ON]
    assert bucket["DeletionPolicy"] == "Delete"
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 30
    [encryption] = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    emptied = of_kind(data, "Custom::ObjectsOnDelete").values()
    assert [properties["Bucket"] for properties in emptied] == [{"Ref": PASSED_ON}]


def test_the_key_rotates(data: Template) -> None:
    assert of_kind(data, "AWS::KMS::Key")["Key961B73FD"]["EnableKeyRotation"] is True


def test_the_labels_are_offline_and_encrypted(data: Template) -> None:
    (group,) = of_kind(data, "AWS::SageMaker::FeatureGroup").values()
    assert group["FeatureGroupName"] == "edgeline-labels"
    assert (group["RecordIdentifierFeatureName"], group["EventTimeFeatureName"]) == (
        "image_uri",
        "event_time",
    )
    assert "OnlineStoreConfig" not in group
    offline = group["OfflineStoreConfig"]
    assert offline["S3StorageConfig"]["KmsKeyId"] == {"Fn::GetAtt": ["Key961B73FD", "Arn"]}
    assert offline["DisableGlueTableCreation"] is False
    assert {f["FeatureName"]: f["FeatureType"] for f in group["FeatureDefinitions"]} == {
        "image_uri": "String",
        "event_time": "String",
        "model": "String",
        "image_sha256": "String",
        "width": "Integral",
        "height": "Integral",
        "object_group": "String",
        "boxes": "String",
        "approved": "Integral",
        "labeling_job": "String",
        "labeled_by": "String",
        "verified_by": "String",
        "depth": "Integral",
        "classes": "String",
        "status": "String",
        "round": "Integral",
        "annotators": "String",
        "agreement": "Fractional",
        "seconds": "Integral",
        "mean_iou": "Fractional",
        "unmatched_share": "Fractional",
    }


def test_what_cannot_change_in_place_is_as_it_was_first_deployed(data: Template) -> None:
    """A change of any of it replaces the group, whose name is taken by the one with all labels in it."""
    (group,) = of_kind(data, "AWS::SageMaker::FeatureGroup").values()
    said = "Labels of the images, the newest event time of an image being the one that counts"
    assert group["Description"] == said
    first = [feature["FeatureName"] for feature in group["FeatureDefinitions"]][:19]
    assert first == [
        "image_uri", "event_time", "model", "image_sha256", "width", "height", "object_group", "boxes",
        "approved", "labeling_job", "labeled_by", "verified_by", "depth", "classes", "status", "round",
        "annotators", "agreement", "seconds",
    ]  # fmt: skip


def test_the_uploader_puts_images_and_nothing_else(data: Template) -> None:
    (policy,) = [
        properties
        for properties in of_kind(data, "AWS::IAM::ManagedPolicy").values()
        if properties["Description"] == "Puts images into the images bucket"
    ]
    actions = {a for s in policy["PolicyDocument"]["Statement"] for a in as_list(s["Action"])}
    assert actions == {"s3:PutObject", "kms:GenerateDataKey", "kms:Decrypt"}
    (put,) = [s for s in policy["PolicyDocument"]["Statement"] if "s3:PutObject" in as_list(s["Action"])]
    assert put["Resource"] == {"Fn::Join": ["", [{"Fn::GetAtt": ["Images2D38C313", "Arn"]}, "/images/*"]]}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_outputs(data: Template) -> None:
    given = {key for key in data["Outputs"] if not key.startswith("ExportsOutput")}
    assert given == {
        "ImagesBucket",
        "ArtifactsBucket",
        "KeyArn",
        "FeatureGroup",
        "ModelPackageGroupTags",
        "UploaderPolicyArn",
        "AuditorPolicyArn",
        "LeftByDestroy",
    }
