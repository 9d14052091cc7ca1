"""An endpoint of stand-in models, each of which answers with its own name, and the ways to update it."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from archives import tar_gz
from waiting import eventually

from local.cloud.server import LocalCloud
from local.sagemaker.hosting.endpoints import Endpoints
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.plugin import SageMakerPlugin

MODEL = """
import json, time

def model_fn(model_dir):
    return "{release}"

def input_fn(body, content_type):
    return bytes(body)

def predict_fn(body, release):
    time.sleep(0.01)
    return {{"release": release}}

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
BROKEN = "raise RuntimeError('no such opset')"
_TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def canary(count: int, *, wait: int, termination_wait: int = 0, kind: str = "CANARY") -> dict[str, Any]:
    field = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    size = {"Type": "INSTANCE_COUNT", "Value": count}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, field: size}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination_wait}
    return {"BlueGreenUpdatePolicy": policy}


def watched(config: dict[str, Any], *alarms: str) -> dict[str, Any]:
    names = [{"AlarmName": name} for name in alarms]
    return {**config, "AutoRollbackConfiguration": {"Alarms": names}}


class GuardedEndpoint:
    """One test's bucket, role, models and endpoint."""

    def __init__(self, cloud: LocalCloud, *, may_read_alarms: bool = True) -> None:
        self.cloud = cloud
        self.name = f"guarded-{uuid.uuid4().hex[:8]}"
        self.session = cloud.root_session()
        self.sagemaker = self.session.client("sagemaker")
        self.session.client("s3").create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": cloud.region}
        )
        self.role = self._role(may_read_alarms)
        plugin = next(plugin for plugin in cloud.plugins if isinstance(plugin, SageMakerPlugin))
        self.endpoints: Endpoints = plugin.endpoints

    def _role(self, may_read_alarms: bool) -> str:
        iam = self.session.client("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": [_TRUST]})
        arn: str = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        allowed = {"s3:GetObject": f"arn:aws:s3:::{self.name}/*", "logs:*": "*"}
        if may_read_alarms:
            allowed["cloudwatch:DescribeAlarms"] = "arn:aws:cloudwatch:*:*:alarm:*"
        statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in allowed.items()]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=self.name, PolicyName="model", PolicyDocument=policy)
        return arn

    def config(self, release: str, instances: int = 2, code: str = MODEL, **variant: Any) -> str:
        """Make an endpoint configuration of one variant, named after its release."""
        return self.config_of(release, [self.variant(release, instances, code, **variant)])

    def config_of(self, release: str, variants: list[dict[str, Any]]) -> str:
        name = f"{self.name}-{release}"
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def variant(self, release: str, instances: int, code: str = MODEL, **more: Any) -> dict[str, Any]:
        """Make a model that answers with the release's name, and settings of a variant that serves it."""
        archive = tar_gz({"code/inference.py": code.format(release=release)})
        key, model = f"{release}/model.tar.gz", f"{self.name}-{release}"
        self.session.client("s3").put_object(Bucket=self.name, Key=key, Body=archive)
        container = {
            "Image": "image",
            "ModelDataUrl": f"s3://{self.name}/{key}",
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        }
        self.sagemaker.create_model(ModelName=model, ExecutionRoleArn=self.role, PrimaryContainer=container)
        return {
            "VariantName": "AllTraffic",
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": instances,
            **more,
        }

    @contextmanager
    def serving(self, config: str) -> Iterator[None]:
        """Have the endpoint in service, and delete it afterwards."""
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=config)
        try:
            assert self.settled()["EndpointStatus"] == "InService"
            yield
        finally:
            self.sagemaker.delete_endpoint(EndpointName=self.name)

    def update(self, config: str, deployment: dict[str, Any] | None = None, **more: Any) -> None:
        given = {"DeploymentConfig": deployment} if deployment else {}
        self.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=config, **given, **more)

    def described(self) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=self.name)
        return described

    def settled(self) -> dict[str, Any]:
        """Wait for the end of what is under way."""

        def look() -> dict[str, Any] | None:
            described = self.described()
            return described if described["EndpointStatus"] in ("InService", "Failed") else None

        described: dict[str, Any] = eventually(look)
        return described

    def wait_for(self, word: str, message: str) -> None:
        """Wait until the deployment's status is this."""

        def there() -> bool:
            pending = self.described().get("PendingDeploymentSummary", {"ProductionVariants": []})
            statuses = [s for v in pending["ProductionVariants"] for s in v.get("VariantStatus", [])]
            return any(s["Status"] == word and message in s["StatusMessage"] for s in statuses)

        eventually(there)

    def blue(self) -> list[Instance]:
        """Give the instances that serve, before an update ends the old ones."""
        fleet = self.endpoints.serving(self.name)
        assert fleet is not None
        return fleet.variants[0].instances

    def green(self) -> list[Instance]:
        """Give the instances that an update brings up."""
        live = self.endpoints.live(self.name)
        assert live is not None
        assert live.pending is not None
        return live.pending.fleet.variants[0].instances

    def counted(self) -> Counter[str]:
        """Count the requests by release."""
        fleets = self.endpoints.statistics(self.name)["fleets"]
        return Counter({name.rpartition("-")[2]: fleet["requests"] for name, fleet in fleets.items()})

    def alarm(self, name: str) -> str:
        """Make an alarm that `ring` sets off."""
        alarm = f"{self.name}-{name}"
        self.session.client("cloudwatch").put_metric_alarm(
            AlarmName=alarm, Namespace=self.name, MetricName=name, Statistic="Maximum", Period=60,
            EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )  # fmt: skip
        return alarm

    def ring(self, name: str) -> None:
        """Let what the alarm measures happen."""
        data = [{"MetricName": name, "Value": 1.0}]
        self.session.client("cloudwatch").put_metric_data(Namespace=self.name, MetricData=data)
