"""A tree of small stand-in classifiers, and their releases through the deployed Promotion stack."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archives import tar_gz
from faults.seams import Deployed
from faults.stand_in import package_of
from faults.stand_in_classifier import EVALUATE, INFERENCE, TOP1
from waiting import eventually

from lambdas.promotion.check_artifacts import labels_sha256, manifest_sha256
from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack
from stacks.names import ENVIRONMENTS
from stacks.promotion_stack import PromotionStack
from stacks.serving_stack import ServingStack

SPRING, ROSES = ("daffodil", "tulip"), ("daffodil", "rose", "tulip")
SMALL, WRENS = ("robin", "wren"), ("wren",)


class Tree:
    """The deployed Data, Promotion and Serving stacks for a parent, `species`, and two children."""

    def __init__(
        self, cloud: LocalCloud, folder: Path, *, name: str, endpoints: Mapping[str, Any] | None = None
    ) -> None:
        """`name` is nobody else's in the session; `endpoints` are the parent's tables, which all inherit."""

        def make(app: Any, config: Any) -> None:
            data = DataStack(app, "Data", config=config)
            PromotionStack(app, "Promotion", config=config, artifacts=data.artifacts, key=data.key)
            for place in ENVIRONMENTS:
                ServingStack(app, f"{place.capitalize()}Serving", config=config, environment=place)

        served = endpoints or {"prod": {"bake_seconds": 0}}
        models = {
            "species": {"task": "classification", **served},
            "flowers": {"task": "classification", "parent": "species", "classes": list(SPRING)},
            "birds": {"task": "classification", "parent": "species", "classes": list(SMALL)},
        }
        self.deployed = Deployed(cloud, folder, name, make, models=models)
        session = cloud.root_session()
        self.name, self.sagemaker = name, session.client("sagemaker")
        self.runtime = session.client("sagemaker-runtime")
        self.machine = self.deployed.output("promotion", "TreeStateMachineArn")
        self.bucket = self.deployed.output("data", "ArtifactsBucket")
        table = self.deployed.output("promotion", "ReleasesTable")
        self.releases = session.resource("dynamodb").Table(table)

    def register(
        self,
        model: str,
        labels: Sequence[str],
        expects: Mapping[str, Sequence[str]] | None = None,
        *,
        first: str = "",
        on_load: str = "pass",
        answers: float = TOP1,
    ) -> str:
        """Register a model; `first` runs in its staging test, `on_load` in its endpoints."""
        run, code = f"runs/{model}/{uuid.uuid4().hex}", f"code/{uuid.uuid4().hex}"
        label_map = _label_map(model, labels, expects or {})
        onnx = {"labels": list(labels), "label_map_sha256": label_map["sha256"], "top1": answers, "run": run}
        inference = INFERENCE.format(on_load=on_load)
        packed = tar_gz({"model.onnx": json.dumps(onnx), "code/inference.py": inference})
        for key, body in self._objects(run, model, label_map, packed).items():
            self.deployed.put(self.bucket, key, body)
        job = 'cd "$(dirname "$0")/.." && shift && exec python3 e.py "$@"'
        self.deployed.put(self.bucket, f"{code}/pipeline_defs/run_job.sh", job)
        self.deployed.put(self.bucket, f"{code}/e.py", EVALUATE.format(first=first, model=model))
        self.deployed.put(self.bucket, f"{code}/models/{model}.json", json.dumps({"name": model}))
        package = package_of(f"{self.name}-{model}", f"s3://{self.bucket}", run, code)
        fits = {f"fits_{child}": labels_sha256(names) for child, names in (expects or {}).items()}
        told = {"model": model, "task": "classification", "label_map_sha256": label_map["sha256"], **fits}
        package["CustomerMetadataProperties"] |= told
        return str(self.sagemaker.create_model_package(**package)["ModelPackageArn"])

    def _objects(
        self, run: str, model: str, label_map: Mapping[str, Any], packed: bytes
    ) -> dict[str, bytes | str]:
        pictures = json.dumps({"uri": "s3://i/a.jpg", "run": run}) + "\n"
        images = {"file": "images.jsonl", "sha256": hashlib.sha256(pictures.encode()).hexdigest(), "count": 1}
        manifest: dict[str, Any] = {"version": 2, "model": model, "images": images}
        manifest["sha256"] = manifest_sha256(manifest)
        evaluation = {
            "task": "classification", "top1": TOP1, "top5": 1.0, "images": 1,
            "dataset": {"manifest_sha256": manifest["sha256"]},
            "model_sha256": hashlib.sha256(packed).hexdigest(),
            "answers": {"empty_share": 0.0, "mean_score": TOP1},
        }  # fmt: skip
        records = {"file": "test.rec", "sha256": hashlib.sha256(b"records").hexdigest()}
        image = {"file": "images/a.jpg", "width": 4, "height": 3}
        labels = {"images": [image], "records": records, "dataset_sha256": manifest["sha256"]}
        return {
            f"{run}/dataset/manifest.json": json.dumps(manifest),
            f"{run}/dataset/images.jsonl": pictures,
            f"{run}/test/labels.json": json.dumps(labels),
            f"{run}/test/label_map.json": json.dumps(label_map),
            f"{run}/test/test.rec": b"records",
            f"{run}/test/images/a.jpg": b"picture",
            f"{run}/evaluation/evaluation.json": json.dumps(evaluation),
            f"{run}/evaluation/predictions.jsonl": "",
            f"{run}/model/train/output/model.tar.gz": packed,
        }

    def decide(self, package: str, approval: str = "Approved") -> dict[str, Any]:
        """Approve or reject a package, and wait for the end of the execution that this starts."""
        return self.ended(self.begin(package, approval))

    def released(self, package: str, approval: str = "Approved") -> None:
        """Decide on a package; what this starts has to end well."""
        ended = self.decide(package, approval)
        assert ended["status"] == "SUCCEEDED", ended.get("cause")

    def begin(self, package: str, approval: str = "Approved") -> str:
        """Approve or reject a package; the execution that this starts."""
        before = self.executions()
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=approval)
        return str(eventually(lambda: self.executions() - before).pop())

    def executions(self) -> set[str]:
        """All executions of the trees' machine by ARN."""
        pages = self.deployed.states.get_paginator("list_executions").paginate(stateMachineArn=self.machine)
        return {found["executionArn"] for page in pages for found in page["executions"]}

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.deployed.states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        return dict(eventually(look))

    def served(self, environment: str = "prod") -> dict[str, str]:
        """The packages that an environment serves, by what its endpoints really answer."""
        found = {}
        for model in ("flowers", "birds", "species"):
            run = self.ask(model, environment)
            if run is not None:
                found[model] = run
        return found

    def ask(self, model: str, environment: str) -> str | None:
        """The run of the model that answers; None where there is no endpoint, or component."""
        configured = self.deployed.config.model(model)
        components = getattr(configured, environment).kind == "components"
        own = f"{self.name}-{model}-{environment}"
        endpoint = f"{self.name}-species-{environment}" if components else own
        which = {"InferenceComponentName": own} if components else {}
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=endpoint, ContentType="image/jpeg", Body=b"picture", **which
            )
        except self.runtime.exceptions.ClientError as error:
            if "not found" not in str(error) and "Could not find" not in str(error):
                raise
            return None
        return str(json.loads(answer["Body"].read())["run"])

    def runs(self, *packages: str) -> dict[str, str]:
        """The runs of these packages by their models, as `served` gives them."""
        found = {}
        for package in packages:
            described = self.sagemaker.describe_model_package(ModelPackageName=package)
            told = described["CustomerMetadataProperties"]
            found[told["model"]] = told["test_set"].removeprefix(f"s3://{self.bucket}/").removesuffix("/test")
        return found

    def record(self, package: str, name: str = "release") -> dict[str, Any]:
        """A record of a package."""
        group, version = package.rpartition(":model-package/")[2].split("/")
        key = f"releases/{group.removeprefix(f'{self.name}-')}/{version}/{name}.json"
        return dict(json.loads(self.deployed.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()))

    def stage(self, package: str) -> tuple[str, str]:
        """Where the registry says that a package is on its way."""
        described = self.sagemaker.describe_model_package(ModelPackageName=package)["ModelLifeCycle"]
        return described["Stage"], described["StageStatus"]

    def waiting(self) -> set[str]:
        """The packages that are held."""
        items = self.releases.scan()["Items"]
        return {item["model_package_arn"] for item in items if item["model"] == "held of species"}


def _label_map(model: str, labels: Sequence[str], expects: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    children = {
        child: {"model": child, "classes": list(names), "label_map_sha256": labels_sha256(names)}
        for child, names in expects.items()
    }
    return {"model": model, "labels": list(labels), "sha256": labels_sha256(labels), "children": children}
