"""The parts of the line that need the deployed stacks."""

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from config import Edgeline
from local.audit.finding import Audit
from local.audit.verify import Verification
from local.cloud.call import Credentials
from local.cloud.call_log import principal_name
from local.cloud.server import LocalCloud
from local.demo import evidence, people, summary, training_run, workflows
from local.demo.batch import Picture
from local.demo.deployment import Outputs
from local.demo.facts import Facts
from local.demo.fleet import DEVICES, DemoFleet, Health, returned_pictures
from local.demo.labeling_run import LabelingRun, executions
from local.demo.options import Options
from local.demo.progress import Part, Terminal
from local.demo.source import Material
from local.demo.workflows import LineStopped
from local.sagemaker.plugin import SageMakerPlugin

APP_REQUESTS = 20


class DeployedLine:
    """The parts that need the deployed stacks; each runs as the person or service whose work it is."""

    def __init__(
        self,
        terminal: Terminal,
        options: Options,
        facts: Facts,
        cloud: LocalCloud,
        config: Edgeline,
        outputs: Outputs,
        *,
        git_commit: str | None,
    ) -> None:
        self._part, self._say = terminal.part, terminal.say
        self._options, self._facts, self._commit = options, facts, git_commit
        self._cloud, self._config, self._outputs = cloud, config, outputs
        # What an environment's account sees of the cloud; usually that of the tools.
        self._at = {
            "staging": cloud.accounts[config.accounts.staging or cloud.account],
            "prod": cloud.accounts[config.accounts.prod or cloud.account],
        }
        self._model = next(model for model in config.detectors if model.name == config.fleet.model)
        self._facts.threshold = self._model.map50_threshold
        self._artifacts = outputs["data"]["ArtifactsBucket"]

    def go(self, material: Material) -> None:
        """Run the parts in order."""
        self._material = material
        fleet = self._bring_in_people_and_devices()
        self._publish_inspector()
        self._upload()
        package = self._train(self._label_all())
        with fleet.running():
            fleet.take_pictures(self._material.fresh)
            self._approve(package)
            self._promote(package)
            self._roll_out(package)
            self._inspect(fleet, package)
            self._ask_prod()
            self._verify()
            self._label("Label what came back")

    @property
    def auditor(self) -> Credentials:
        """The keys of the one who may look into everything that a model came from."""
        return self._people.auditor

    def what_runs(self) -> list[str]:
        """Name the prod endpoint and a prod device."""
        prod = next(name for name, environment in DEVICES if environment == "prod")
        return [*([self._facts.prod.endpoint] if self._facts.prod else []), prod]

    def count_requests(self) -> None:
        """Bring the endpoints' counts up to date: requests come in until the end."""
        self._facts.staging = self._counted(self._facts.staging, "staging")
        self._facts.prod = self._counted(self._facts.prod, "prod")

    def _counted(self, known: summary.Endpoint | None, environment: str) -> summary.Endpoint | None:
        if known is None:
            return None
        statistics = self._at[environment].plugin(SageMakerPlugin).endpoints.statistics(known.endpoint)
        return evidence.endpoint(statistics, known.endpoint, known.package_arn)

    def _bring_in_people_and_devices(self) -> DemoFleet:
        with self._part("Bring in people, devices") as part:
            self._people = people.hire(
                self._cloud, self._outputs, prod=self._at["prod"], by_hand=bool(self._options.by_hand)
            )
            self._labeling = LabelingRun(
                self._cloud, self._outputs["labeling"], self._people, self._material, self._options,
                model=self._model.name, say=self._say,
            )  # fmt: skip
            inspector = f"com.{self._config.name}.inspector"
            fleet = DemoFleet(self._cloud, self._outputs["edge"], inspector, self._options.folder / "devices")
            fleet.provision()
            # What was counted until here is the deployment, as root; from here on nobody is root.
            self._cloud.calls.clear()
            people_here = 3 + len(self._people.everybody_at_the_page)
            part.result(f"{people_here} people, {len(DEVICES)} devices, no root from here on")
        return fleet

    def _publish_inspector(self) -> None:
        with self._part("Publish the inspector") as part:
            edge = self._outputs["edge"]
            self._run_pipeline(edge["InspectorPipeline"], {}, part)
            # Or what came with the deployment finds pictures and labels that are meant for ours.
            for pipeline in (self._outputs["labeling"]["LabelingPipeline"], self._training_workflow):
                workflows.await_first_run(self._people.operator.client("codepipeline"), pipeline)
            part.result(f"version {edge['InspectorVersion']}")

    @property
    def _training_workflow(self) -> str:
        return self._outputs["training"][f"Workflow{self._model.output_suffix}"]

    def _run_pipeline(self, name: str, said: Mapping[str, str], part: Part) -> dict[str, str]:
        """Run a workflow's pipeline, started by hand; what its actions put out."""
        commit = {"COMMIT": self._commit} if self._commit else {}
        codepipeline = self._people.operator.client("codepipeline")
        return workflows.run_pipeline(codepipeline, name, {**said, **commit}, tick=part.doing)

    def _upload(self) -> None:
        with self._part("Upload") as part:
            s3, bucket = self._people.uploader.client("s3"), self._outputs["data"]["ImagesBucket"]
            move, pictures = part.bar("pictures"), self._material.uploads

            def put(picture: Picture) -> None:
                key = f"images/{self._model.name}/{picture.name}"
                s3.put_object(
                    Bucket=bucket, Key=key, Body=picture.path.read_bytes(), Metadata=picture.object_metadata
                )

            with ThreadPoolExecutor(4) as pool:
                for done, _ in enumerate(pool.map(put, pictures), start=1):
                    move(done, len(pictures))
            part.result(f"{len(pictures)} pictures")

    def _label_all(self) -> str:
        """Label every picture, in as many executions as that takes; the manifest of the last labels."""
        manifest, by_hand = "", self._options.by_hand
        for _ in range(executions(len(self._material.uploads), self._config.labeling.round_size)):
            manifest = self._label("Label and verify", by_hand=by_hand)["manifest"] or manifest
            by_hand = 0
        if not manifest:
            raise LineStopped("no picture got a label: all were set aside, see the report")
        return manifest

    def _label(self, name: str, *, by_hand: int = 0) -> dict[str, Any]:
        with self._part(name) as part:
            output, answered = self._labeling.run(part, by_hand)
            left_out = evidence.read_quarantine(self._people.operator.client("s3"), output["quarantine"])
            self._facts.add_labeling(output, answered, left_out)
            self._facts.workers = self._labeling.workers(self._facts.labeling)
            hands = sum(worker.drawn for worker in self._facts.workers if worker.by_hand)
            part.result(
                f"{output['labeled']} labeled, {output['relabeled']} of them again, "
                f"{output['quarantined']} set aside{f', {hands} by hand' if hands and by_hand else ''}"
            )
        return output

    def _train(self, labels_manifest: str) -> str:
        with self._part("Train and evaluate") as part:
            said = {"LABELS_MANIFEST": labels_manifest, "SEED": str(self._options.seed)}
            execution = self._run_pipeline(self._training_workflow, said, part)["PIPELINE_EXECUTION_ARN"]
            sagemaker_client = self._people.operator.client("sagemaker")
            jobs = self._cloud.plugin(SageMakerPlugin).jobs
            try:
                training_run.follow_pipeline(sagemaker_client, execution, part, jobs)
            except training_run.MetricTooLow as refusal:
                raise LineStopped(self._read_refusal(execution)) from refusal
            package = training_run.registered_package(sagemaker_client, execution)
            found = evidence.read_package(self._people.approver, package, self._options.folder)
            self._facts.evaluated = found
            part.result(f"mAP50 {found.evaluation['map50']:.3f}, mAP50-95 {found.evaluation['map50_95']:.3f}")
        return package

    def _read_refusal(self, execution: str) -> str:
        run = f"s3://{self._artifacts}/runs/{self._model.name}/{execution.rpartition('/')[2]}"
        found = evidence.read_refused(self._people.approver, run, self._options.folder)
        self._facts.evaluated = found
        measured, threshold = found.evaluation["map50"], self._model.map50_threshold
        return f"mAP50 {measured:.4f} is below the threshold of {threshold:g}: nothing is registered"

    def _approve(self, package: str) -> None:
        with self._part("Approve") as part:
            part.doing("the page that asks for it")
            asked = self._follow(self._outputs["promotion"]["ApprovalRequestArn"], package)
            self._keep_page("What the approver was shown", asked["page"]["page"])
            registry = self._people.approver.client("sagemaker")
            registry.update_model_package(
                ModelPackageArn=package,
                ModelApprovalStatus="Approved",
                ApprovalDescription="Approved by the demo's approver after reading the page",
            )
            by = registry.describe_model_package(ModelPackageName=package)["LastModifiedBy"]
            self._facts.approved_by = principal_name(by["IamIdentity"]["Arn"])
            part.result(f"{package.rpartition('/')[2]} by {self._facts.approved_by}")

    def _promote(self, package: str) -> None:
        with self._part("Promote to staging, prod") as part:
            promoted = self._follow(self._outputs["promotion"]["StateMachineArn"], package)
            shipped = promoted["package"]["arn"]
            self._facts.staging = summary.Endpoint(promoted["staging"]["endpoint"], shipped, 0, None)
            self._facts.prod = summary.Endpoint(promoted["prod"]["endpoint"], shipped, 0, None)
            self._keep_page("Record of the release", promoted["release"]["uri"].replace(".json", ".html"))
            part.result("tested in staging, then prod")

    def _keep_page(self, title: str, uri: str) -> None:
        """Keep a page of the evidence beside the report, as the approver may read it."""
        s3 = self._people.approver.client("s3")
        self._facts.pages[title] = evidence.keep_page(s3, uri, self._options.folder)

    def _roll_out(self, package: str) -> None:
        with self._part("Roll out to the devices") as part:
            self._follow(self._outputs["edge"]["StateMachineArn"], package)
            part.result("staging device judged, then prod")

    def _follow(self, machine: str, package: str) -> dict[str, Any]:
        states = self._people.operator.client("stepfunctions")
        return workflows.follow_execution(
            states, workflows.await_execution(states, machine, {"model_package_arn": package})
        )

    def _inspect(self, fleet: DemoFleet, package: str) -> None:
        with self._part("Inspect fresh pictures") as part:
            s3 = self._people.operator.client("s3")
            health = Health(s3, self._artifacts, f"1.0.{package.rpartition('/')[2]}")
            try:
                fleet.await_inspection(health, part)
            finally:
                self._facts.devices = fleet.devices(health)
            images = self._outputs["data"]["ImagesBucket"]
            self._facts.returned = returned_pictures(
                s3, images, self._model.name, self._options.folder / "returned"
            )
            inspected = sum(device.inferences for device in self._facts.devices)
            part.result(f"{inspected} inspected, {len(self._facts.returned)} came back")

    def _ask_prod(self) -> None:
        with self._part("Ask the prod endpoint") as part:
            caller = self._people.app.client("sagemaker-runtime")
            endpoint = self._facts.prod.endpoint if self._facts.prod else ""
            found: Counter[str] = Counter()
            for picture in self._material.fresh[:APP_REQUESTS]:
                answer = caller.invoke_endpoint(
                    EndpointName=endpoint, ContentType="application/x-image", Body=picture.path.read_bytes()
                )
                found.update(d["label"] for d in json.loads(answer["Body"].read())["detections"])
            part.result(f"{len(self._material.fresh[:APP_REQUESTS])} requests, found {dict(found)}")

    def _verify(self) -> None:
        """Walk back from what runs, on the endpoint and on a device, as the auditor."""
        with self._part("Verify the way back") as part:
            audit, session = Audit(lambda _: None), self._cloud.session(self.auditor)
            for name in self.what_runs():
                part.doing(name)
                Verification(self._config, session, audit).walk(name)
            if audit.broken:
                raise LineStopped(f"{len(audit.broken)} links do not hold, such as {audit.broken[0]}")
            part.result(f"{len(audit.findings)} links hold, from endpoint and device to the pictures")
