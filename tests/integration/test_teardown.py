"""Deploy everything, let the line make what it makes at run time, delete every stack: what is left?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archives import tar_gz
from waiting import eventually

import app
from local.cloud.assembly import Stack, stacks_in_order
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
GONE = ("DELETE_COMPLETE", "DELETE_FAILED")
CONFIG = """
name = "{name}"
[data]
keep = {keep}
[models.tags]
task = "detection"
classes = ["scratch"]
"""
INFERENCE = """
def model_fn(model_dir, context=None): return {}
def input_fn(body, content_type, context=None): return body
def predict_fn(picture, model, context=None): return {"detections": []}
def output_fn(prediction, accept, context=None): return "{}", "application/json"
"""
DEFINITION = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [],
    "PipelineExperimentConfig": {"ExperimentName": "none", "TrialName": "none"},
    "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "for the test"}}],
}


class Deployed:
    """All stacks of one configuration, and what is in the account beside them."""

    def __init__(self, cloud: LocalCloud, folder: Path, *, name: str, keep: bool) -> None:
        config = folder / "edgeline.toml"
        config.write_text(CONFIG.format(name=name, keep=str(keep).lower()))
        assembly = folder / "cdk.out"
        app.build(outdir=str(assembly), config=config).synth()
        self.name, self.cloud = name, cloud
        self.stacks: list[Stack] = stacks_in_order(assembly)
        self.outputs = deploy(assembly, cloud)
        self.client: Callable[[str], Any] = cloud.root_session().client

    def output(self, stack: str, key: str) -> str:
        return self.outputs[f"{self.name}-{stack}"][key]

    def destroy(self) -> None:
        """Delete the stacks as `cdk destroy '**'` does, those that others need last."""
        cloudformation = self.client("cloudformation")
        for stack in reversed(self.stacks):
            cloudformation.delete_stack(StackName=stack.name)
            status = eventually(lambda name=stack.name: self._ended(name))
            assert status == "DELETE_COMPLETE", f"{stack.name}: {self._reasons(stack.name)}"

    def _ended(self, name: str) -> str:
        summaries = self.client("cloudformation").list_stacks()["StackSummaries"]
        status = next(found["StackStatus"] for found in summaries if found["StackName"] == name)
        return status if status in GONE else ""

    def _reasons(self, name: str) -> list[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"] == "DELETE_FAILED"
        ]

    def left(self) -> dict[str, list[str]]:
        """What there is in the account of this project and may bill, by kind; empty kinds left out."""
        found = {
            "apis": self._listed("apigateway", "get_rest_apis", "items", "name"),
            "budgets": self._budgets(),
            "buckets": self._listed("s3", "list_buckets", "Buckets", "Name"),
            "components": self._components(),
            "endpoint configs": self._listed(
                "sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"
            ),
            "endpoints": self._listed("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
            "feature groups": self._listed(
                "sagemaker", "list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"
            ),
            "functions": self._listed("lambda", "list_functions", "Functions", "FunctionName"),
            "glue tables": self._glue_tables(),
            "keys": self._keys(),
            "log groups": self._listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
            "machines": self._listed("stepfunctions", "list_state_machines", "stateMachines", "name"),
            "model packages": self._packages(),
            "models": self._listed("sagemaker", "list_models", "Models", "ModelName"),
            "pipelines": self._listed("sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
            "queues": self._named(self.client("sqs").list_queues().get("QueueUrls", [])),
            "roles": self._listed("iam", "list_roles", "Roles", "RoleName"),
            "rules": self._listed("events", "list_rules", "Rules", "Name"),
            "tables": self._named(self.client("dynamodb").list_tables()["TableNames"]),
            "topics": self._listed("sns", "list_topics", "Topics", "TopicArn"),
            "workflows": self._listed("codepipeline", "list_pipelines", "pipelines", "name"),
        }
        return {kind: names for kind, names in found.items() if names}

    def _listed(self, service: str, operation: str, member: str, key: str) -> list[str]:
        client = self.client(service)
        if client.can_paginate(operation):
            pages = list(client.get_paginator(operation).paginate())
        else:
            pages = [getattr(client, operation)()]
        return self._named([item[key] for page in pages for item in page[member]])

    def _named(self, names: list[str]) -> list[str]:
        return sorted(name for name in names if self.name in name)

    def _budgets(self) -> list[str]:
        found = self.client("budgets").describe_budgets(AccountId=self.cloud.account)
        return self._named([budget["BudgetName"] for budget in found.get("Budgets", [])])

    def _components(self) -> list[str]:
        found = self.client("greengrassv2").list_components()["components"]
        return self._named([component["componentName"] for component in found])

    def _glue_tables(self) -> list[str]:
        glue = self.client("glue")
        if not any(d["Name"] == "sagemaker_featurestore" for d in glue.get_databases()["DatabaseList"]):
            return []
        tables = glue.get_tables(DatabaseName="sagemaker_featurestore")["TableList"]
        return [table["Name"] for table in tables if table["Name"].startswith(self.name.replace("-", "_"))]

    def _keys(self) -> list[str]:
        kms = self.client("kms")
        keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
        ours = [key for key in keys if self.name in key.get("Description", "")]
        return [key["Description"] for key in ours if key["KeyState"] != "PendingDeletion"]

    def _packages(self) -> list[str]:
        groups = self._listed(
            "sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"
        )
        packages = [
            package["ModelPackageArn"]
            for group in groups
            for package in self.client("sagemaker").list_model_packages(ModelPackageGroupName=group)[
                "ModelPackageSummaryList"
            ]
        ]
        return [*groups, *packages]


class Line:
    """Makes what the line makes at run time, by the same names."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._bucket = deployed.output("data", "ArtifactsBucket")

    def run(self) -> None:
        self._objects()
        package = self._package()
        for environment in ("staging", "prod"):
            self._endpoint(environment, package)
        self._pipeline()
        self._device()

    def _objects(self) -> None:
        s3 = self._deployed.client("s3")
        for content in (b"one", b"two"):  # two versions
            s3.put_object(Bucket=self._deployed.output("data", "ImagesBucket"), Key="images/a", Body=content)
        s3.delete_object(Bucket=self._deployed.output("data", "ImagesBucket"), Key="images/a")
        s3.create_multipart_upload(Bucket=self._bucket, Key="never/finished")
        s3.put_object(
            Bucket=self._bucket, Key="runs/x/model.tar.gz", Body=tar_gz({"code/inference.py": INFERENCE})
        )

    def _package(self) -> str:
        container = {
            "Image": "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-inference:cpu",
            "ModelDataUrl": f"s3://{self._bucket}/runs/x/model.tar.gz",
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            },
        }
        specification = {
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        }
        made = self._deployed.client("sagemaker").create_model_package(
            ModelPackageGroupName=f"{self._deployed.name}-tags",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=specification,
        )
        return str(made["ModelPackageArn"])

    def _endpoint(self, environment: str, package: str) -> None:
        sagemaker, name = self._deployed.client("sagemaker"), f"{self._deployed.name}-tags-{environment}"
        role = f"arn:aws:iam::{self._deployed.cloud.account}:role/{self._deployed.name}-{environment}-model"
        sagemaker.create_model(
            ModelName=f"{name}-v1", PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=role
        )
        serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
        variant = {"VariantName": "All", "ModelName": f"{name}-v1", "ServerlessConfig": serverless}
        sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-v1", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-v1")

    def _pipeline(self) -> None:
        sagemaker, name = self._deployed.client("sagemaker"), f"{self._deployed.name}-tags"
        roles = self._deployed.client("iam").get_paginator("list_roles").paginate()
        role = next(
            found["Arn"]
            for page in roles
            for found in page["Roles"]
            if found["RoleName"].startswith(f"{self._deployed.name}-training-PipelineRole")
        )
        sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps(DEFINITION),
            RoleArn=role,
            ClientRequestToken="a" * 32,
        )
        sagemaker.start_pipeline_execution(PipelineName=name)

    def _device(self) -> None:
        iot, greengrass = self._deployed.client("iot"), self._deployed.client("greengrassv2")
        certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
        iot.attach_policy(policyName=self._deployed.output("edge", "ProdIotPolicy"), target=certificate)
        component = f"com.{self._deployed.name}.model.tags"
        recipe = {
            "RecipeFormatVersion": "2020-01-25",
            "ComponentName": component,
            "ComponentVersion": "1.0.1",
            "ComponentPublisher": "test",
            "Manifests": [{"Platform": {"os": "linux", "runtime": "*"}, "Lifecycle": {"run": "exit 0"}}],
        }
        greengrass.create_component_version(inlineRecipe=json.dumps(recipe).encode())
        group = iot.describe_thing_group(thingGroupName=f"{self._deployed.name}-prod")["thingGroupArn"]
        greengrass.create_deployment(targetArn=group, components={component: {"componentVersion": "1.0.1"}})


def log_groups(cloud: LocalCloud) -> dict[str, int | None]:
    """All log groups of the account, and for how many days they keep what they are told."""
    pages = cloud.root_session().client("logs").get_paginator("describe_log_groups").paginate()
    return {
        group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]
    }


def test_nothing_is_left_where_nothing_is_to_be_kept(cloud: LocalCloud, tmp_path: Path) -> None:
    before = log_groups(cloud)
    deployed = Deployed(cloud, tmp_path, name="teardown-all", keep=False)
    Line(deployed).run()
    there = deployed.left()
    assert {"endpoints", "models", "pipelines", "components", "model packages", "keys"} <= there.keys()
    deployed.destroy()
    assert deployed.left() == {}
    # Those of jobs are the account's; the stack has made them only so that they expire.
    new = {name: days for name, days in log_groups(cloud).items() if name not in before}
    assert new.keys() <= {"/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs"}
    assert all(days == 180 for days in new.values())


def test_what_holds_data_is_left_where_it_is_to_be_kept(cloud: LocalCloud, tmp_path: Path) -> None:
    deployed = Deployed(cloud, tmp_path, name="teardown-kept", keep=True)
    Line(deployed).run()
    before = deployed.left()
    deployed.destroy()
    after = deployed.left()
    assert set(after) == {"buckets", "feature groups", "glue tables", "keys", "model packages", "tables"}
    for kind in ("feature groups", "glue tables", "keys", "model packages"):
        assert after[kind] == before[kind]
    assert len(after["buckets"]) == 3, "images, artifacts and the log of who read them"
    assert len(after["tables"]) == 2, "the ledgers of images and of releases; turns are of what is gone"
