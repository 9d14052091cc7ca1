"""The parts of the species demo that need the deployed stacks; each runs as the person whose work it is."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from config import Edgeline
from config_model import Model
from local.cloud.addresses import served_at
from local.cloud.server import LocalCloud
from local.demo import training_run, workflows
from local.demo.deployment import Outputs
from local.demo.progress import Part, Terminal
from local.demo.workflows import LineStopped
from local.sagemaker.plugin import SageMakerPlugin
from local.species import people
from local.species.application import Application
from local.species.configuration import FLAT, PREFIX, TREE
from local.species.evidence import read_trained
from local.species.facts import Document, Facts, Tried
from local.species.options import Options
from local.species.source import Material, Picture


class DeployedTree:
    """A tree of models and a flat one, from pictures to names."""

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
        self._part, self._options, self._facts, self._commit = terminal.part, options, facts, git_commit
        self._cloud, self._config, self._outputs = cloud, config, outputs
        (self._tree,) = config.trees

    def go(self, material: Material) -> None:
        """Run the parts in order: children before the parent, whose evaluation routes to them."""
        with self._part("Bring in people") as part:
            self._people = people.hire(self._cloud, self._outputs)
            # What was counted until here is the deployment, as root; from here on nobody is root.
            self._cloud.calls.clear()
            part.result("4 of them, no root from here on")
        self._await_first_runs()
        self._upload(material)
        for model in (*self._tree.children, self._tree.parent):
            self._train(model)
        self._train(self._config.model(FLAT))
        self._approve()
        self._try(material)

    @property
    def app(self) -> Application:
        """The application that asks prod what pictures show."""
        url = served_at(self._cloud.url, self._outputs["prod-serving"]["RecognizeUrl"])
        return Application(self._people.app, url)

    def _await_first_runs(self) -> None:
        """CodePipeline runs what it makes: what begins later finds the pictures that are meant for ours."""
        with self._part("Make the pipelines") as part:
            codepipeline = self._people.operator.client("codepipeline")
            for model in self._config.models:
                part.doing(model.name)
                workflows.await_first_run(codepipeline, self._workflow(model))
            part.result(f"{len(self._config.models)}, each built once, with nothing to train on")

    def _workflow(self, model: Model) -> str:
        return self._outputs["training"][f"Workflow{model.output_suffix}"]

    def _upload(self, material: Material) -> None:
        with self._part("Upload") as part:
            s3, bucket = self._people.uploader.client("s3"), self._outputs["data"]["ImagesBucket"]
            move = part.bar("pictures")

            def put(picture: Picture) -> None:
                key = f"{PREFIX}{picture.species}/{picture.path.name}"
                s3.put_object(Bucket=bucket, Key=key, Body=picture.path.read_bytes())

            with ThreadPoolExecutor(4) as pool:
                for done, _ in enumerate(pool.map(put, material.pictures), start=1):
                    move(done, len(material.pictures))
            part.result(f"{len(material.pictures)} pictures")

    def _train(self, model: Model) -> None:
        with self._part(f"Train {model.name}") as part:
            started = time.monotonic()
            execution = self._started(model, part)
            sagemaker = self._people.operator.client("sagemaker")
            jobs = self._cloud.plugin(SageMakerPlugin).jobs
            training_run.follow_pipeline(sagemaker, execution, part, jobs)
            trained = read_trained(
                self._people.approver,
                training_run.registered_package(sagemaker, execution),
                self._options.folder,
                model=model.name,
                trials=training_run.trials(sagemaker, execution),
                seconds=time.monotonic() - started,
            )
            self._facts.trained[model.name] = trained
            part.result(_measured(trained.evaluation))

    def _started(self, model: Model, part: Part) -> str:
        codepipeline = self._people.operator.client("codepipeline")
        said = {"SEED": str(self._options.seed), **({"COMMIT": self._commit} if self._commit else {})}
        built = workflows.run_pipeline(codepipeline, self._workflow(model), said, tick=part.doing)
        return built["PIPELINE_EXECUTION_ARN"]

    def _approve(self) -> None:
        """Approve each member, as on a day of its own; with the last one all that fit go together."""
        with self._part("Approve, release together") as part:
            registry = self._people.approver.client("sagemaker")
            states = self._people.operator.client("stepfunctions")
            machine = self._outputs["promotion"]["TreeStateMachineArn"]
            for model in self._tree.members:
                part.doing(model.name)
                package = self._facts.trained[model.name].package_arn
                registry.update_model_package(
                    ModelPackageArn=package,
                    ModelApprovalStatus="Approved",
                    ApprovalDescription="Approved by the demo's approver",
                )
                execution = workflows.await_execution(states, machine, {"model_package_arn": package})
                self._note(model.name, workflows.follow_execution(states, execution)["set"])
            if not self._facts.released:
                raise LineStopped(f"nothing was released: {'; '.join(self._facts.held.values())}")
            part.result(f"{len(self._facts.released)} models together, tested in staging, then prod")

    def _note(self, model: str, found: Mapping[str, Any]) -> None:
        if found["hold"]:
            self._facts.held[model] = found["why"]
            return
        self._facts.released = tuple(member["model_package_arn"] for member in found["members"])

    def _try(self, material: Material) -> None:
        with self._part("Ask what fresh ones show") as part:
            move, app = part.bar("pictures"), self.app
            for done, picture in enumerate(material.fresh, start=1):
                reply = app.recognize(TREE, picture.path.read_bytes())
                self._facts.tried.append(Tried(picture, reply))
                move(done, len(material.fresh))
            right = sum(t.reply.document.get("name") == t.picture.species for t in self._facts.tried)
            part.result(f"{right} of {len(material.fresh)} named right by parent and child")


def _measured(evaluation: Document) -> str:
    routing = evaluation.get("routing")
    end_to_end = f", end to end {routing['top1_end_to_end']:.3f}" if routing else ""
    return f"top-1 {evaluation['top1']:.3f} of {evaluation['classes']} labels{end_to_end}"
