"""Small stand-in models and their promotions, with a fault in the model, its code or its test."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from archives import tar_gz
from faults.seams import Deployed
from faults.stand_in import EVALUATE, INFERENCE, SCORE, package_of
from waiting import eventually

from lambdas.promotion.check_artifacts import manifest_sha256
from local.cloud.server import LocalCloud
from local.monitoring.plugin import MonitoringPlugin
from stacks.data_stack import DataStack
from stacks.edgeline import add_edgeline
from stacks.names import ENVIRONMENTS
from stacks.promotion_stack import PromotionStack
from stacks.serving_stack import ServingStack


class Promotions:
    """The deployed Data and Promotion stacks, a good model in both endpoints, and who approves others."""

    def __init__(
        self, cloud: LocalCloud, folder: Any, accounts: Mapping[str, str] | None = None, *,
        name: str, endpoints: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """`endpoints` are the tables of `staging` and `prod` in the configuration.

        `name` is nobody else's in the session: endpoints stay, and would be found as those from before.
        """

        def make(app: Any, config: Any) -> None:
            data = DataStack(app, "Data", config=config)
            PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
            for environment in ENVIRONMENTS:
                ServingStack(
                    app, f"{environment.capitalize()}Serving", config=config, environment=environment
                )

        self.group = f"{name}-tags"
        self.staging, self.prod = f"{self.group}-staging", f"{self.group}-prod"
        stacks = add_edgeline if accounts else make
        self.deployed = Deployed(cloud, folder, name, stacks, accounts, endpoints)
        number = self.deployed.accounts
        session = cloud.root_session(number["tools"])
        self.sagemaker = session.client("sagemaker")
        self.at = {
            self.staging: cloud.root_session(number["staging"]), self.prod: cloud.root_session(number["prod"])
        }  # fmt: skip
        self.events = session.client("events")
        self.machine = self.deployed.output("promotion", "StateMachineArn")
        self.bucket = self.deployed.output("data", "ArtifactsBucket")
        tables = session.resource("dynamodb")
        self.turns, self.releases = (
            tables.Table(self.deployed.resource("promotion", "AWS::DynamoDB::Table", logical))
            for logical in ("WorkflowTurns", "Ledger")
        )
        self.begin()

    def begin(self) -> None:
        """Bring a good model into both endpoints."""
        self.good = self.register()
        assert self.promote(self.good)["status"] == "SUCCEEDED"

    def register(
        self,
        *,
        first: str = "",
        on_load: str = "pass",
        on_picture: str = "pass",
        answers: float = SCORE,
        archive: bytes | None = None,
    ) -> str:
        """Register a model; `first` runs in its staging test, `on_load` and `on_picture` in its endpoints."""
        run, code = f"runs/tags/{uuid.uuid4().hex}", f"code/{uuid.uuid4().hex}"
        model = json.dumps({"score": answers, "run": run})
        inference = INFERENCE.format(on_load=on_load, on_picture=on_picture)
        packed = archive or tar_gz({"model.onnx": model, "code/inference.py": inference})
        dataset = manifest_sha256({"run": run})
        evaluation = {
            "map50": SCORE, "map50_95": SCORE, "images": 1, "dataset": {"manifest_sha256": dataset},
            "model_sha256": hashlib.sha256(packed).hexdigest(),
            "answers": {"empty_share": 0.0, "mean_score": SCORE},
        }  # fmt: skip
        image = {"file": "a.jpg", "width": 4, "height": 3}
        objects: dict[str, bytes | str] = {
            f"{code}/pipeline_defs/run_job.sh": 'cd "$(dirname "$0")/.." && shift && exec python3 e.py "$@"',
            f"{code}/e.py": EVALUATE.format(first=first),
            f"{run}/dataset/manifest.json": json.dumps({"run": run, "sha256": dataset}),
            f"{run}/test/labels.json": json.dumps({"images": [image], "dataset_sha256": dataset}),
            f"{run}/test/images/a.jpg": b"picture",
            f"{run}/evaluation/evaluation.json": json.dumps(evaluation),
            f"{run}/evaluation/predictions.json": "[]",
            f"{run}/model/train/output/model.tar.gz": packed,
        }
        for key, body in objects.items():
            self.deployed.put(self.bucket, key, body)
        return self._create_package(run, code)

    def _create_package(self, run: str, code: str) -> str:
        made = self.sagemaker.create_model_package(**package_of(self.group, f"s3://{self.bucket}", run, code))
        return str(made["ModelPackageArn"])

    def set_approval(self, package: str, approval: str) -> None:
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=approval)

    def executions(self) -> dict[str, dict[str, Any]]:
        """All executions by ARN."""
        pages = self.deployed.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return {found["executionArn"]: found for page in pages for found in page["executions"]}

    def approve(self, package: str) -> str:
        """Approve a package and return the execution that this starts."""
        return self.decide(package, "Approved", f"{self.group}-")

    def reject(self, package: str) -> str:
        """Reject a package and return the execution that this starts."""
        return self.decide(package, "Rejected", f"rollback-{self.group}-")

    def decide(self, package: str, approval: str, name: str) -> str:
        """Set the approval and return the new execution whose name begins so."""
        before = set(self.executions())
        self.set_approval(package, approval)

        def started() -> list[str]:
            found = self.executions()
            return [arn for arn in set(found) - before if found[arn]["name"].startswith(name)]

        [execution] = eventually(started)
        return execution

    def quiet(self) -> bool:
        """Wait until no execution runs."""
        return bool(
            eventually(lambda: all(found["status"] != "RUNNING" for found in self.executions().values()))
        )

    def ended(self, execution: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.deployed.states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return dict(eventually(look))

    def promote(self, package: str) -> dict[str, Any]:
        """Approve a package and wait for the end of its promotion."""
        return self.ended(self.approve(package))

    def forget_requests(self) -> None:
        """Go on as after a minute in which nobody asked: no alarm rings of what was before."""
        metrics = self.deployed.cloud.plugin(MonitoringPlugin).monitoring.metrics
        metrics.forget(metrics.clock())

    def serves(self) -> dict[str, tuple[str, str, float]]:
        """What both endpoints serve: status, endpoint config, and the score that the model really answers."""
        found = {}
        for endpoint, session in self.at.items():
            described = session.client("sagemaker").describe_endpoint(EndpointName=endpoint)
            score = json.loads(self.ask(endpoint))["score"]
            found[endpoint] = (described["EndpointStatus"], described["EndpointConfigName"], score)
        return found

    def ask(self, endpoint: str) -> bytes:
        """Ask an endpoint, or the component that it hosts, about a picture."""
        kind = self.deployed.config.model("tags")
        component = (kind.prod if endpoint == self.prod else kind.staging).kind == "components"
        which = {"InferenceComponentName": endpoint} if component else {}
        runtime = self.at[endpoint].client("sagemaker-runtime")
        asked = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="image/jpeg", Body=b"picture", **which
        )
        return bytes(asked["Body"].read())

    def outcome(self, package: str) -> str:
        """What the record of the package's promotion says."""
        return str(self.record(package)["outcome"])

    def record(self, package: str, execution: str = "") -> dict[str, Any]:
        """The record of a package's first promotion, or of another execution's by its ARN."""
        name = f"release-{execution.rpartition(':')[2]}" if execution else "release"
        key = f"releases/tags/{package.rsplit('/', 1)[1]}/{name}.json"
        body = self.deployed.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return dict(json.loads(body))

    def behind(self, endpoint: str) -> str:
        """The package that an endpoint serves, by way of its endpoint config and model."""
        sagemaker = self.at[endpoint].client("sagemaker")
        config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        return str(model["PrimaryContainer"]["ModelPackageName"])

    def packages_served(self) -> tuple[str, str]:
        """The packages behind staging and prod."""
        return self.behind(self.staging), self.behind(self.prod)

    def holder(self) -> str | None:
        """Who holds the turn to promote."""
        key = {"line": "promotion of tags", "entry": "turn"}
        holder: str | None = self.turns.get_item(Key=key, ConsistentRead=True).get("Item", {}).get("holder")
        return holder
