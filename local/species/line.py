"""A tree of models, once through: from folders of pictures to an address that names what a picture shows."""

import threading
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

from config import Edgeline
from config_delivery import Accounts
from local.cloud.server import LocalCloud
from local.demo import synthesis
from local.demo.deployment import counted, deploy_stages, git_commit, start_cloud
from local.demo.details import Failure
from local.demo.progress import Terminal
from local.demo.summary import Iam
from local.demo.whole_run import make_room, run_to_the_report
from local.species import source
from local.species.configuration import TREE, write_configuration
from local.species.deployed import DeployedTree
from local.species.evidence import MODELS
from local.species.facts import Facts
from local.species.options import Options
from local.species.page_server import PageServer
from local.species.report import Run, write_report
from local.species.source import Material

LEFT_BY_A_RUN = ("report.html", MODELS, "pictures", "cdk.out", "cloud", "edgeline.toml")


class SpeciesLine:
    """One run; `run` returns 0 where every part ended well."""

    def __init__(self, options: Options, terminal: Terminal) -> None:
        self._options, self._terminal = options, terminal
        self._facts, self._started, self._commit = Facts(), datetime.now(UTC), git_commit()
        self._cloud: LocalCloud | None = None
        self._config: Edgeline | None = None

    def run(self) -> int:
        """Go through the parts; write the report whatever happens."""
        folder = self._options.folder
        make_room(folder, LEFT_BY_A_RUN)
        self._terminal.say(f"Edgeline species demo, seed {self._options.seed}, in {folder}")
        return run_to_the_report(self._terminal, self._go, self._write)

    def _go(self) -> None:
        material = self._read_pictures()
        folder = self._options.folder
        with ExitStack() as ending:
            with self._terminal.part("Start the local cloud") as part:
                configuration = write_configuration(material, self._options.budget, folder)
                config = self._config = Edgeline.read(configuration)
                cloud = self._cloud = ending.enter_context(start_cloud(folder / "cloud", Accounts()))
                part.result(f"{cloud.url}, {counted(config.models, 'model')}")
            with self._terminal.part("Synthesize the templates") as part:
                synthesis.synthesize(configuration, folder / "cdk.out")
                part.result("cdk synth, without credentials")
            with self._terminal.part("Deploy them") as part:
                outputs = deploy_stages(folder / "cdk.out", cloud, config.name, part)
            deployed = DeployedTree(
                self._terminal, self._options, self._facts, cloud, config, outputs, git_commit=self._commit
            )
            deployed.go(material)
            if self._options.stay:
                self._stay(deployed, material)

    def _stay(self, deployed: DeployedTree, material: Material) -> None:
        """Keep the page up until Ctrl-C."""
        self._terminal.say(f"Report: {self._write(None)}", style="bold")
        with PageServer(deployed.app, TREE, material.fresh) as page:
            self._terminal.say(
                f"Drop a picture at {page.url} and see the route that it takes; Ctrl-C ends it"
            )
            with suppress(KeyboardInterrupt):
                threading.Event().wait()

    def _write(self, failure: Failure | None) -> Path:
        run = Run(
            started=self._started.isoformat(timespec="seconds"),
            seed=self._options.seed,
            seconds=self._terminal.seconds,
            stages=tuple(self._terminal.stages),
            git_commit=self._commit,
            failure=failure,
            iam=Iam.of(self._cloud.calls.summary()) if self._cloud else None,
        )
        return write_report(self._options.folder, run, self._facts, self._config)

    def _read_pictures(self) -> Material:
        options = self._options
        with self._terminal.part("Read the pictures" if options.images else "Draw the pictures") as part:
            if options.images:
                material = source.read(options.images)
            else:
                material = source.draw(
                    options.folder / "pictures", each=options.each, seed=options.seed,
                    progress=part.bar("pictures"),
                )  # fmt: skip
            self._facts.material = material
            aside = f", {counted(material.set_aside, 'file')} set aside" if material.set_aside else ""
            part.result(f"{len(material.pictures)} for the line, {len(material.fresh)} to try{aside}")
        return material
