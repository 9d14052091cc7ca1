"""The line, once through: from raw pictures to devices that inspect, and back to the people who label."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline, Model
from local import greengrass, sagemaker
from local.cloud.addresses import served_at
from local.cloud.deploy import DeploymentError, deploy
from local.cloud.errors import AwsError, LocalCloudError
from local.cloud.server import LocalCloud
from local.demo import evidence, people, source, summary, synthesis, training_run
from local.demo.annotator import Annotator, Crew, KnownLabels, Tally
from local.demo.batch import BadInput, Picture
from local.demo.details import Annotation, Details, Excluded, Failure
from local.demo.fleet import DemoFleet, Health, returned_pictures
from local.demo.progress import Part, Terminal
from local.demo.report import write_report
from local.demo.source import Material
from local.demo.workbench import Workbench
from local.demo.workflows import LineStopped, await_execution, follow_execution

SYNTHETIC_PICTURES = 300
MISTAKE_RATE = 0.08
APP_REQUESTS = 20
LEFT_BY_A_RUN = (
    "summary.json", "details.json", "report.html", "evaluation.json", "predictions.json", "manifest.json",
    "pictures", "cdk.out", "cloud", "build", "devices", "test", "returned",
)  # fmt: skip
PROBLEMS = (
    BadInput, LineStopped, DeploymentError, synthesis.SynthesisError, LocalCloudError, AwsError, ClientError,
    BotoCoreError, OSError,
)  # fmt: skip

Outputs = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Options:
    """What the user asked for; `images` None draws synthetic tags."""

    folder: Path
    images: Path | None = None
    labels: Path | None = None
    seed: int = 7
    pictures: int = SYNTHETIC_PICTURES
    mistake_rate: float = MISTAKE_RATE
    configuration: Path = synthesis.ROOT / "edgeline.toml"


@dataclass
class Facts:
    """What has happened so far; the summary and the report are made from it alone."""

    material: Material | None = None
    labeling: list[dict[str, Any]] = field(default_factory=list)
    crew: Tally = field(default_factory=Tally)
    evaluated: evidence.Evaluated | None = None
    staging: summary.Endpoint | None = None
    prod: summary.Endpoint | None = None
    devices: tuple[summary.Device, ...] = ()
    returned: tuple[Any, ...] = ()
    set_aside: list[Excluded] = field(default_factory=list)
    threshold: float = 0.0


class Line:
    """One run; `run` returns 0 where every part ended well."""

    def __init__(self, options: Options, terminal: Terminal) -> None:
        self._options = options
        self._terminal = terminal
        self._facts = Facts()
        self._started = datetime.now(UTC)
        self._commit = _git_commit()
        self._cloud: LocalCloud | None = None

    def run(self) -> int:
        """Go through the line; write the summary and the report whatever happens."""
        folder = self._options.folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in LEFT_BY_A_RUN:
            _remove(folder / left)
        self._terminal.say(f"Edgeline demo, seed {self._options.seed}, in {folder}")
        failure: Failure | None = None
        try:
            self._go()
        except PROBLEMS as error:
            failure = Failure(
                self._terminal.stages[-1].name, " ".join(str(error).split()), _what_to_do(error)
            )
        report = self._write(failure)
        if failure:
            self._terminal.say(f"{failure.stage}: {failure.reason}", style="bold red")
        self._terminal.say(f"Report: {report}  ({self._terminal.seconds:.0f} s)", style="bold")
        return 1 if failure else 0

    def _go(self) -> None:
        material = self._read_pictures()
        cloud_folder = self._options.folder / "cloud"
        with LocalCloud(cloud_folder, plugins=[sagemaker.plug, greengrass.plug]) as cloud:
            self._cloud = cloud
            with self._terminal.part("Synthesize the templates") as part:
                configuration = self._synthesize(material, part)
            with self._terminal.part("Deploy them") as part:
                outputs = _deploy(self._options.folder / "cdk.out", cloud, part)
            run = _Deployed(self, cloud, Edgeline.read(configuration), outputs, material)
            try:
                run.go()
            finally:
                run.count_requests()

    def _read_pictures(self) -> Material:
        options = self._options
        with self._terminal.part("Read the pictures" if options.images else "Draw the pictures") as part:
            if options.images:
                material = source.read(
                    options.images, options.labels, seed=options.seed, progress=part.bar("pictures")
                )
            else:
                material = source.draw(
                    options.folder / "pictures", number=options.pictures, seed=options.seed,
                    progress=part.bar("pictures"),
                )  # fmt: skip
            self._facts.material = material
            part.result(f"{len(material.uploads)} for the line, {len(material.fresh)} for the devices")
        return material

    def _synthesize(self, material: Material, part: Part) -> Path:
        configuration = synthesis.configure(
            self._options.configuration, self._options.folder, material.classes
        )
        assembly = self._options.folder / "cdk.out"
        synthesis.synthesize(configuration, assembly)
        part.result("cdk synth, without credentials")
        return configuration

    def _write(self, failure: Failure | None) -> Path:
        folder, facts = self._options.folder, self._facts
        found = facts.evaluated
        iam = summary.Iam.of(self._cloud.calls.summary()) if self._cloud else None
        summary.Summary(
            seconds=self._terminal.seconds,
            stages=tuple(self._terminal.stages),
            images=_images(facts),
            dataset=found.dataset() if found else None,
            model=found.model(facts.threshold) if found else None,
            staging=facts.staging,
            prod=facts.prod,
            devices=facts.devices,
            iam=iam,
        ).write(folder / "summary.json")
        self._details(failure).write(folder / "details.json")
        return write_report(folder)

    def _details(self, failure: Failure | None) -> Details:
        facts, material = self._facts, self._facts.material
        chain: tuple[Any, ...] = ()
        if facts.evaluated and facts.devices:
            chain = evidence.chain(facts.devices[-1], facts.evaluated)
        aside = (
            [Excluded(s.name, s.reason, "label file and folder") for s in material.set_aside]
            if material
            else []
        )
        aside += facts.set_aside + (facts.evaluated.excluded() if facts.evaluated else [])
        return Details(
            source=material.description if material else str(self._options.images),
            seed=self._options.seed,
            started=self._started.isoformat(timespec="seconds"),
            classes=material.classes if material else (),
            git_commit=self._commit,
            failure=failure,
            grouping=facts.evaluated.manifest["grouping"] if facts.evaluated else None,
            approved_by="user/approver" if facts.staging else None,
            annotation=_annotation(facts.crew),
            chain=chain,
            set_aside=tuple(aside),
            returned=facts.returned,
            notes=material.notes if material else (),
        )


class _Deployed:
    """The parts that need the deployed stacks; each runs as the person or service whose work it is."""

    def __init__(
        self, line: Line, cloud: LocalCloud, config: Edgeline, outputs: Outputs, material: Material
    ) -> None:
        self._part = line._terminal.part
        self._options, self._facts, self._commit = line._options, line._facts, line._commit
        self._cloud, self._config, self._outputs, self._material = cloud, config, outputs, material
        self._model: Model = config.model(config.fleet.model)
        self._facts.threshold = self._model.map50_threshold
        self._artifacts = outputs["data"]["ArtifactsBucket"]

    def go(self) -> None:
        """Run the parts in order."""
        fleet = self._bring_in_people_and_devices()
        self._upload()
        manifest = self._label("Label and verify")["manifest"]
        if not manifest:
            raise LineStopped("no picture got a label: all were set aside, see the report")
        package = self._train(manifest)
        with fleet.running():
            fleet.take_pictures(self._material.fresh)
            self._approve(package)
            self._promote(package)
            self._roll_out(package)
            self._inspect(fleet, package)
            self._ask_prod()
            self._label("Label what came back")

    def count_requests(self) -> None:
        """Bring the endpoints' counts up to date: requests come in until the end."""
        endpoints = self._cloud.plugins[0].endpoints  # type: ignore[attr-defined]
        for name in ("staging", "prod"):
            known: summary.Endpoint | None = getattr(self._facts, name)
            if known:
                counted = evidence.endpoint(
                    endpoints.statistics(known.endpoint), known.endpoint, known.package_arn
                )
                setattr(self._facts, name, counted)

    def _bring_in_people_and_devices(self) -> DemoFleet:
        with self._part("Bring in people, devices") as part:
            self._people = people.hire(self._cloud, self._outputs)
            inspector = f"com.{self._config.name}.inspector"
            fleet = DemoFleet(self._cloud, self._outputs["edge"], inspector, self._options.folder / "devices")
            fleet.provision()
            # What was counted until here is the deployment, as root; from here on nobody is root.
            self._cloud.calls.clear()
            part.result(f"{3 + len(self._people.annotators)} people, 3 devices, no root from here on")
        return fleet

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

    def _label(self, name: str) -> dict[str, Any]:
        with self._part(name) as part:
            states, machine = self._people.operator.client("stepfunctions"), self._outputs["labeling"]
            crew = self._crew(part)
            with crew:
                arn = states.start_execution(
                    stateMachineArn=machine["StateMachineArn"], input=json.dumps({"model": self._model.name})
                )["executionArn"]
                output = follow_execution(states, arn, tick=lambda: _complain(crew))
            self._facts.labeling.append(output)
            self._facts.crew = _sum(self._facts.crew, crew.tally)
            s3 = self._people.operator.client("s3")
            self._facts.set_aside += evidence.read_quarantine(s3, output["quarantine"])
            part.result(
                f"{output['labeled']} labeled, {output['relabeled']} of them again, "
                f"{output['quarantined']} set aside"
            )
        return output

    def _crew(self, part: Part) -> Crew:
        url = served_at(self._cloud.url, self._outputs["labeling"]["ApiUrl"])
        known = KnownLabels(
            self._material.truths, mistake_rate=self._options.mistake_rate, seed=self._options.seed
        )
        annotators = [
            Annotator(
                name,
                Workbench(url, self._cloud.region, credentials),
                ("label",) if name in people.LABELERS else ("verify",),
            )
            for name, credentials in self._people.annotators.items()
        ]
        move, total = part.bar("answers"), 2 * len(self._material.uploads)

        def progress(tally: Tally) -> None:
            answers = tally.labeled + tally.approved + tally.rejected + tally.unusable
            move(answers, max(total, answers))

        return Crew(annotators, known, on_progress=progress)

    def _train(self, labels_manifest: str) -> str:
        with self._part("Train and evaluate") as part:
            build = training_run.read_project(self._cloud, self._outputs["training"]["BuildProject"])
            arguments = ["--model", self._model.name, "--start", "--labels-manifest", labels_manifest]
            arguments += ["--seed", str(self._options.seed)]
            folder = self._options.folder / "build"
            started = training_run.start_pipeline(
                self._cloud, build, folder, arguments, {"GIT_COMMIT": self._commit or ""}
            )
            sagemaker_client = self._people.operator.client("sagemaker")
            execution = started["execution_arn"]
            jobs = self._cloud.plugins[0].jobs  # type: ignore[attr-defined]
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
            self._people.approver.client("sagemaker").update_model_package(
                ModelPackageArn=package,
                ModelApprovalStatus="Approved",
                ApprovalDescription="Approved by the demo's approver after reading the evaluation",
            )
            part.result(package.rpartition(":")[2])

    def _promote(self, package: str) -> None:
        with self._part("Promote to staging, prod") as part:
            outputs, suffix = self._outputs["promotion"], self._model.output_suffix
            self._follow(outputs["StateMachineArn"], package)
            self._facts.staging = summary.Endpoint(outputs[f"StagingEndpoint{suffix}"], package, 0, None)
            self._facts.prod = summary.Endpoint(outputs[f"ProdEndpoint{suffix}"], package, 0, None)
            part.result("tested in staging, then prod")

    def _roll_out(self, package: str) -> None:
        with self._part("Roll out to the devices") as part:
            self._follow(self._outputs["edge"]["StateMachineArn"], package)
            part.result("staging device judged, then prod")

    def _follow(self, machine: str, package: str) -> None:
        states = self._people.operator.client("stepfunctions")
        follow_execution(states, await_execution(states, machine, {"model_package_arn": package}))

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


def _deploy(assembly: Path, cloud: LocalCloud, part: Part) -> Outputs:
    bars: dict[str, Callable[[int, int], None]] = {}

    def progress(stack: str, done: int, total: int) -> None:
        bars.setdefault(stack, part.bar(stack))(done, total)

    outputs = deploy(assembly, cloud, progress=progress)
    part.result(f"{len(outputs)} stacks")
    return {stack.rpartition("-")[2]: values for stack, values in outputs.items()}


def _images(facts: Facts) -> summary.Images | None:
    if facts.material is None:
        return None
    counts: Counter[str] = Counter()
    for output in facts.labeling:
        counts.update({name: output[name] for name in ("labeled", "relabeled", "quarantined")})
    return summary.Images(
        total=len(facts.material.uploads) + len(facts.returned),
        labeled=counts["labeled"],
        relabeled=counts["relabeled"],
        quarantined=counts["quarantined"],
    )


def _annotation(tally: Tally) -> Annotation | None:
    if not tally.labeled:
        return None
    return Annotation(
        people=len(people.LABELERS + people.VERIFIERS), labels=tally.labeled, mistakes=tally.mistakes,
        approved=tally.approved, rejected=tally.rejected, unusable=tally.unusable,
    )  # fmt: skip


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(**{name: count + getattr(other, name) for name, count in vars(one).items()})


def _complain(crew: Crew) -> None:
    if crew.failure:
        raise LineStopped(f"an annotator gave up: {crew.failure}")


def _what_to_do(error: BaseException) -> str:
    if isinstance(error, BadInput):
        return "mend the folder or the label file and run it again"
    return "the logs lie in the run's folder, under cloud/; mend what the reason names and run it again"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _git_commit() -> str | None:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=synthesis.ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None
