"""Endpoints whose models say a word, on real servers: what the tests of scaling and of components share."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from archives import tar_gz
from waiting import eventually

from local.cloud.server import LocalCloud

_CODE = """
import json

def model_fn(model_dir):
    return "{word}"

def input_fn(body, content_type):
    return bytes(body).decode()

def predict_fn(text, model):
    if model == "nothing":
        raise ValueError("I say nothing")
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
NEEDS = {"MinMemoryRequiredInMb": 256}
VARIANT = "AllTraffic"


@dataclass
class Speaking:
    """One endpoint, what is on it, and the bucket and the role of its models."""

    cloud: LocalCloud
    name: str = field(default_factory=lambda: f"speaking-{uuid.uuid4().hex[:8]}")

    def client(self, service: str) -> Any:
        return self._clients.setdefault(service, self.cloud.root_session().client(service))

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def sm(self) -> Any:
        return self.client("sagemaker")

    @cached_property
    def bucket(self) -> str:
        where = {"LocationConstraint": self.cloud.region}
        self.client("s3").create_bucket(Bucket=self.name, CreateBucketConfiguration=where)
        return self.name

    @cached_property
    def role(self) -> str:
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        arn: str = self.client("iam").create_role(
            RoleName=self.name, AssumeRolePolicyDocument=json.dumps(_policy(trust))
        )["Role"]["Arn"]
        allowed = _policy(
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*"},
            {"Effect": "Allow", "Action": ["logs:*", "cloudwatch:DescribeAlarms"], "Resource": "*"},
        )
        self.client("iam").put_role_policy(
            RoleName=self.name, PolicyName="p", PolicyDocument=json.dumps(allowed)
        )
        return arn

    def model(self, word: str) -> str:
        """Make a model that says a word; one that is to say "nothing" fails each request."""
        name = f"{self.name}-{uuid.uuid4().hex[:6]}"
        files = {"code/inference.py": _CODE.format(word=word), "code/requirements.txt": ""}
        self.client("s3").put_object(Bucket=self.bucket, Key=f"{name}.tar.gz", Body=tar_gz(files))
        container = {
            "Image": "image",
            "ModelDataUrl": f"s3://{self.bucket}/{name}.tar.gz",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        self.sm.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        return name

    def config(self, word: str | None, *, instances: int = 1, instance_type: str = "ml.m5.large") -> str:
        """Make a configuration: of a model that says the word, or with room for components."""
        name = f"{self.name}-{uuid.uuid4().hex[:6]}"
        variant = {
            "VariantName": VARIANT, "InstanceType": instance_type, "InitialInstanceCount": instances
        }  # fmt: skip
        if word:
            own: dict[str, Any] = {"ProductionVariants": [{**variant, "ModelName": self.model(word)}]}
        else:
            scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 4}
            hosting = {**variant, "ManagedInstanceScaling": scaling}
            own = {"ProductionVariants": [hosting], "ExecutionRoleArn": self.role}
        self.sm.create_endpoint_config(EndpointConfigName=name, **own)
        return name

    def start(self, word: str | None = None, *, instances: int = 1) -> None:
        """Bring the endpoint up."""
        config = self.config(word, instances=instances)
        self.sm.create_endpoint(EndpointName=self.name, EndpointConfigName=config)
        assert self.settled()["EndpointStatus"] == "InService"

    def settled(self) -> dict[str, Any]:
        def look() -> Any:
            found = self.sm.describe_endpoint(EndpointName=self.name)
            return found if found["EndpointStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = eventually(look)
        return described

    def add_component(self, word: str, *, copies: int = 1) -> str:
        """Put a component of the endpoint's own name on it."""
        self.sm.create_inference_component(
            InferenceComponentName=self.name,
            EndpointName=self.name,
            VariantName=VARIANT,
            Specification={"ModelName": self.model(word), "ComputeResourceRequirements": NEEDS},
            RuntimeConfig={"CopyCount": copies},
        )
        assert self.component()["InferenceComponentStatus"] == "InService"
        return self.name

    def component(self) -> dict[str, Any]:
        """Give the component once nothing is being done with it."""

        def look() -> Any:
            found = self.sm.describe_inference_component(InferenceComponentName=self.name)
            return found if found["InferenceComponentStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = eventually(look)
        return described

    def ask(self, component: str | None = None, client: Any = None) -> str:
        """Ask the endpoint for its word."""
        named = {"InferenceComponentName": component} if component else {}
        runtime = client or self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=self.name, Body=b"x", ContentType="text/plain", **named)
        return str(json.loads(answer["Body"].read()))

    def delete(self) -> None:
        """Take the endpoint and what is on it away."""
        listed = self.sm.list_inference_components(EndpointNameEquals=self.name)
        for found in listed["InferenceComponents"]:
            self.component()
            self.sm.delete_inference_component(InferenceComponentName=found["InferenceComponentName"])
        on = {"EndpointNameEquals": self.name}
        eventually(lambda: not self.sm.list_inference_components(**on)["InferenceComponents"])
        self.sm.delete_endpoint(EndpointName=self.name)


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
