"""The line, once through: from raw pictures to devices that inspect, and back to the people who label."""

import threading
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from config import Edgeline
from config_table import ConfigError
from local.cloud.server import LocalCloud
from local.demo import source, summary, synthesis
from local.demo.batch import BadInput
from local.demo.deployed import DeployedLine
from local.demo.deployment import counted, deploy_stages, git_commit, start_cloud
from local.demo.details import Details, Failure
from local.demo.facts import Facts
from local.demo.options import Options
from local.demo.progress import Terminal
from local.demo.report import write_report
from local.demo.source import Material
from local.demo.whole_run import make_room, run_to_the_report

LEFT_BY_A_RUN = (
    "summary.json", "details.json", "report.html", "evaluation.json", "predictions.json", "manifest.json",
    "pictures", "cdk.out", "cloud", "devices", "test", "returned",
)  # fmt: skip


class Line:
    """One run; `run` returns 0 where every part ended well."""

    def __init__(self, options: Options, terminal: Terminal) -> None:
        self._options = options
        self._terminal = terminal
        self._facts = Facts()
        self._started = datetime.now(UTC)
        self._commit = git_commit()
        self._cloud: LocalCloud | None = None

    def run(self) -> int:
        """Go through the line; write the summary and the report whatever happens."""
        folder = self._options.folder
        make_room(folder, LEFT_BY_A_RUN)
        self._terminal.say(f"Edgeline demo, seed {self._options.seed}, in {folder}")
        return run_to_the_report(self._terminal, self._go, self._write, what_to_do=_what_to_do)

    def _go(self) -> None:
        material = self._read_pictures()
        with ExitStack() as ending:
            with self._terminal.part("Start the local cloud") as part:
                configuration = synthesis.configure(
                    self._options.configuration,
                    self._options.folder,
                    material.classes,
                    pictures=len(material.uploads),
                )
                config = Edgeline.read(configuration)
                _require_page(self._options, config)
                cloud = ending.enter_context(start_cloud(self._options.folder / "cloud", config.accounts))
                self._cloud = cloud
                part.result(f"{cloud.url}, {counted(cloud.accounts, 'account')}")
            with self._terminal.part("Synthesize the templates") as part:
                synthesis.synthesize(configuration, self._options.folder / "cdk.out")
                part.result("cdk synth, without credentials")
            with self._terminal.part("Deploy them") as part:
                outputs = deploy_stages(self._options.folder / "cdk.out", cloud, config.name, part)
            run = DeployedLine(
                self._terminal, self._options, self._facts, cloud, config, outputs, git_commit=self._commit
            )
            try:
                run.go(material)
            finally:
                run.count_requests()
            if self._options.stay:
                self._stay(cloud, run)

    def _stay(self, cloud: LocalCloud, run: DeployedLine) -> None:
        """Keep the cloud up until Ctrl-C, and say how to look into it, as who may look and change nothing."""
        self._terminal.say(f"Report: {self._write(None)}", style="bold")
        self._terminal.say("The cloud stays until Ctrl-C. In another shell, as its auditor:")
        for name, value in cloud.environment(run.auditor).items():
            self._terminal.say(f"  export {name}={value}")
        package = self._facts.prod.package_arn if self._facts.prod else ""
        commands = [*(f"verify {name}" for name in run.what_runs()), f"rebuild {package}"]
        for command in commands:
            self._terminal.say(f"  python -m local {command} --config {self._options.folder}/edgeline.toml")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()

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

    def _write(self, failure: Failure | None) -> Path:
        folder, facts = self._options.folder, self._facts
        found = facts.evaluated
        iam = summary.Iam.of(self._cloud.calls.summary()) if self._cloud else None
        summary.Summary(
            seconds=self._terminal.seconds,
            stages=tuple(self._terminal.stages),
            images=facts.images(),
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
        return Details(
            source=material.description if material else str(self._options.images),
            seed=self._options.seed,
            started=self._started.isoformat(timespec="seconds"),
            classes=material.classes if material else (),
            git_commit=self._commit,
            failure=failure,
            grouping=facts.evaluated.manifest["grouping"] if facts.evaluated else None,
            approved_by=facts.approved_by,
            pages=facts.pages,
            annotation=facts.annotation(),
            workers=facts.workers,
            chain=facts.chain(),
            set_aside=facts.set_aside(),
            returned=facts.returned,
            notes=material.notes if material else (),
        )


def _require_page(options: Options, config: Edgeline) -> None:
    if options.by_hand and config.labeling.backend != "workbench":
        raise ConfigError(
            f"{options.configuration}: [labeling] backend: to label by hand there has to be the page of "
            f'"workbench", which "{config.labeling.backend}" does not use'
        )


def _what_to_do(error: BaseException) -> str:
    if isinstance(error, BadInput):
        return "mend the folder or the label file and run it again"
    return "the logs lie in the run's folder, under cloud/; mend what the reason names and run it again"
