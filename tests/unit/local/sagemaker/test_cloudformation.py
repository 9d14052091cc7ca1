from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.plugin import ResourceContext

_INFERENCE = """
def model_fn(d): return "WORD"
def input_fn(b, c): return b
def predict_fn(b, m): return m
def output_fn(p, a): return p, "text/plain"
"""


class Resource:
    """One resource of a template, deployed by calling its type."""

    def __init__(self, lab: Any, word: str) -> None:
        self.type = lab.plugin.resource_types[f"AWS::SageMaker::{word}"]
        self.context = ResourceContext(lab.cloud.deployer, lab.name, word)
        self.ref = ""
        self.properties: dict[str, Any] = {}

    def deploy(self, **properties: Any) -> dict[str, Any]:
        """Create or update; the reference before an update that replaced is in `replaced`."""
        self.replaced = None
        if not self.ref:
            ref, attributes = self.type.create(properties, self.context)
        else:
            ref, attributes = self.type.update(self.ref, self.properties, properties, self.context)
            self.replaced = self.ref if ref != self.ref else None
        if self.replaced:
            self.type.delete(self.replaced, self.properties, self.context)
        self.ref, self.properties = ref, properties
        found: dict[str, Any] = attributes
        return found

    def delete(self) -> None:
        self.type.delete(self.ref, self.properties, self.context)


def test_a_group_is_made_tagged_kept_from_replacement_and_removed(lab: Any) -> None:
    group = Resource(lab, "ModelPackageGroup")
    attributes = group.deploy(ModelPackageGroupName=lab.name, Tags=[{"Key": "a", "Value": "1"}])
    assert group.ref == attributes["ModelPackageGroupArn"]
    group.deploy(ModelPackageGroupName=lab.name, Tags=[{"Key": "b", "Value": "2"}])
    assert lab.sm.list_tags(ResourceArn=group.ref)["Tags"] == [{"Key": "b", "Value": "2"}]
    with pytest.raises(Exception, match="ModelPackageGroupDescription cannot be changed in place"):
        group.deploy(ModelPackageGroupName=lab.name, ModelPackageGroupDescription="other")
    group.delete()
    group.delete()
    with pytest.raises(ClientError, match="does not exist"):
        lab.sm.describe_model_package_group(ModelPackageGroupName=lab.name)


def test_a_groups_policy_is_put_changed_and_taken_away_with_the_template(lab: Any) -> None:
    group, named = Resource(lab, "ModelPackageGroup"), {"ModelPackageGroupName": lab.name}
    for action in ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage"):
        statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        group.deploy(**named, ModelPackageGroupPolicy=policy)
        assert json.loads(lab.sm.get_model_package_group_policy(**named)["ResourcePolicy"]) == policy
    group.deploy(**named)
    with pytest.raises(ClientError, match="Cannot find a resource policy"):
        lab.sm.get_model_package_group_policy(**named)
    with pytest.raises(ClientError, match="not a policy document"):
        lab.sm.put_model_package_group_policy(**named, ResourcePolicy="{}")
    group.delete()


def test_a_feature_groups_reference_is_its_name(lab: Any) -> None:
    group = Resource(lab, "FeatureGroup")
    group.deploy(
        FeatureGroupName=lab.name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": "String"} for name in ("id", "time")],
        OfflineStoreConfig={
            "S3StorageConfig": {"S3Uri": f"s3://{lab.name}/fs"},
            "DisableGlueTableCreation": "false",
        },
        RoleArn=lab.role(),
    )
    assert group.ref == lab.name
    group.delete()
    group.delete()


def test_an_endpoint_follows_its_configuration_and_that_its_model(lab: Any) -> None:
    role, model, config, endpoint = (
        lab.role(),
        *(Resource(lab, w) for w in ("Model", "EndpointConfig", "Endpoint")),
    )

    def deploy(word: str) -> None:
        files = {"code/inference.py": _INFERENCE.replace("WORD", word)}
        url = lab.put(f"{word}/model.tar.gz", lab.tar_gz(files))
        name = model.deploy(PrimaryContainer={"Image": "i", "ModelDataUrl": url}, ExecutionRoleArn=role)[
            "ModelName"
        ]
        serverless = {"MaxConcurrency": "2", "MemorySizeInMB": "1024"}
        variant = {"VariantName": "all", "ModelName": name, "ServerlessConfig": serverless}
        attributes = config.deploy(ProductionVariants=[variant])
        endpoint.deploy(EndpointConfigName=attributes["EndpointConfigName"], EndpointName=lab.name)

    def answer() -> bytes:
        runtime = lab.client("sagemaker-runtime")
        body: bytes = runtime.invoke_endpoint(EndpointName=lab.name, Body=b"x")["Body"].read()
        return body

    deploy("one")
    assert answer() == b"one"
    deploy("two")
    assert answer() == b"two"
    assert model.replaced
    assert config.replaced
    assert not endpoint.replaced
    endpoint.delete()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        lab.sm.describe_endpoint(EndpointName=lab.name)


def test_an_endpoint_that_does_not_come_up_fails_the_deployment(lab: Any) -> None:
    config = lab.config(lab.model("raise OSError('broken')", lab.role()))
    with pytest.raises(RuntimeError, match="broken"):
        Resource(lab, "Endpoint").deploy(EndpointConfigName=config, EndpointName=lab.name)


def test_a_pipeline_is_updated_in_place(lab: Any, definition: dict[str, Any]) -> None:
    pipeline, role = Resource(lab, "Pipeline"), lab.role()
    body = {"PipelineDefinitionBody": json.dumps(definition)}
    pipeline.deploy(PipelineName=lab.name, PipelineDefinition=body, RoleArn=role)
    definition["Parameters"][-1]["DefaultValue"] = 0.7
    body = {"PipelineDefinitionBody": json.dumps(definition)}
    pipeline.deploy(PipelineName=lab.name, PipelineDefinition=body, RoleArn=role)
    assert not pipeline.replaced
    found = lab.sm.describe_pipeline(PipelineName=pipeline.ref)["PipelineDefinition"]
    assert json.loads(found)["Parameters"][-1]["DefaultValue"] == 0.7
    pipeline.delete()
    pipeline.delete()


def test_a_feature_group_takes_new_features_where_it_is_and_loses_none(lab: Any) -> None:
    def features(*names: str) -> list[dict[str, str]]:
        return [{"FeatureName": name, "FeatureType": "String"} for name in names]

    group = Resource(lab, "FeatureGroup")
    fixed: dict[str, Any] = {
        "FeatureGroupName": lab.name,
        "RecordIdentifierFeatureName": "uri",
        "EventTimeFeatureName": "at",
        "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{lab.name}/feature-store"}},
        "RoleArn": lab.role(),
    }
    group.deploy(**fixed, FeatureDefinitions=features("uri", "at"))
    group.deploy(**fixed, FeatureDefinitions=features("uri", "at", "round"))
    assert group.replaced is None
    described = lab.sm.describe_feature_group(FeatureGroupName=lab.name)
    assert [item["FeatureName"] for item in described["FeatureDefinitions"]] == ["uri", "at", "round"]
    with pytest.raises(Exception, match="features can be added only, and at would change or go"):
        group.deploy(**fixed, FeatureDefinitions=features("uri", "round"))
    with pytest.raises(Exception, match="Description cannot be changed in place"):
        group.deploy(**fixed, FeatureDefinitions=features("uri", "at", "round"), Description="other")
