"""Faults in the jobs of the pipeline; after each, nothing is registered and no label is lost."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import tar_gz
from faults.seams import ROOT, Deployed
from waiting import eventually

from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack
from stacks.training_stack import TrainingStack

pytestmark = pytest.mark.acceptance
NAME = "training-faults"
LABEL = {
    "image_uri": "s3://images/images/tags/a.png", "event_time": "2026-11-20T10:00:00Z", "model": "tags",
    "image_sha256": "0" * 64, "width": "60", "height": "40", "object_group": "", "boxes": "[]",
    "approved": "1", "labeling_job": "round-1", "labeled_by": "ann", "verified_by": "bob",
}  # fmt: skip

HEAD = """
import argparse, json, os, pathlib, signal, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--output-dir", type=pathlib.Path)
output = parser.parse_known_args()[0].output_dir
{first}
"""
PREPARE = HEAD + (
    "for name in ('dataset', 'train', 'validation', 'test'):\n"
    "    (output / name).mkdir(parents=True, exist_ok=True)\n"
    "    (output / name / 'manifest.json').write_text('{{}}')\n"
)
TRAIN = HEAD + "pathlib.Path(os.environ['SM_MODEL_DIR'], 'model.onnx').write_text('weights')\n"
EVALUATE = HEAD + "(output / 'evaluation.json').write_text(json.dumps({{'map50': 0.9}}))\n"
SCRIPTS = "pipeline_defs/detection/scripts"


class Training:
    """The deployed Data and Training stacks, a label, and the pipeline that the build project makes."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        def make(app: Any, config: Any) -> None:
            data = DataStack(app, "Data", config=config)
            TrainingStack(
                app, "Training", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
                feature_group_name=data.feature_group_name, workflows=data.workflows,
            )  # fmt: skip

        self.deployed = Deployed(cloud, folder, NAME, make)
        session = cloud.root_session()
        self.sagemaker = session.client("sagemaker")
        self.bucket = self.deployed.output("data", "ArtifactsBucket")
        self.pipeline = self.deployed.output("training", "PipelineNameTags")
        self._group = self.deployed.output("data", "ModelPackageGroupTags")
        session.client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName=self.deployed.output("data", "FeatureGroup"),
            Record=[{"FeatureName": name, "ValueAsString": value} for name, value in LABEL.items()],
        )
        eventually(self.labels)
        self.definition = self._upserted()

    def _upserted(self) -> dict[str, Any]:
        """The definition that the workflow's first run has made; without labels it starts nothing."""
        self.deployed.first_run(self.deployed.output("training", "WorkflowTags"))
        described = self.sagemaker.describe_pipeline(PipelineName=self.pipeline)
        self._role = described["RoleArn"]
        return dict(json.loads(described["PipelineDefinition"]))

    def labels(self) -> set[str]:
        """The files of the offline store."""
        return {key for key in self.deployed.keys(self.bucket, "feature-store/") if key.endswith(".parquet")}

    def packages(self) -> list[str]:
        listed = self.sagemaker.list_model_packages(ModelPackageGroupName=self._group)
        return [package["ModelPackageArn"] for package in listed["ModelPackageSummaryList"]]

    def run(
        self, *, prepare: str = "", train: str = "", evaluate: str = "", limits: dict[str, int] | None = None
    ) -> dict[str, Any]:
        """Run the pipeline with small jobs, some of which begin with a fault; `limits` in seconds by step."""
        scripts = {
            f"{SCRIPTS}/prepare.py": PREPARE.format(first=prepare),
            f"{SCRIPTS}/train.py": TRAIN.format(first=train),
            f"{SCRIPTS}/evaluate.py": EVALUATE.format(first=evaluate),
            "pipeline_defs/run_job.sh": (ROOT / "pipeline_defs/run_job.sh").read_text(),
            "requirements-jobs.txt": "",
            "requirements.txt": "",
        }
        code = f"code/{uuid.uuid4().hex}/"
        for path, content in scripts.items():
            self.deployed.put(self.bucket, code + path, content)
        self.deployed.put(self.bucket, f"{code}sourcedir.tar.gz", tar_gz(scripts))
        text = json.dumps(self.definition)
        [old] = {part.split('"')[0].split("/")[0] for part in text.split(f"{self.bucket}/code/")[1:]}
        definition = json.loads(text.replace(f"code/{old}/", code))
        for step in definition["Steps"]:
            if step["Name"] in (limits or {}):
                step["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": limits[step["Name"]]}
        return self.execute(definition)

    def execute(self, definition: dict[str, Any], **parameters: str) -> dict[str, Any]:
        """Run a definition to its end: {"status", "reason", "steps": {name: status}}."""
        self.sagemaker.update_pipeline(
            PipelineName=self.pipeline, PipelineDefinition=json.dumps(definition), RoleArn=self._role
        )
        given = {"AsOf": "2026-11-21T11:00:00Z", **parameters}
        arn = self.sagemaker.start_pipeline_execution(
            PipelineName=self.pipeline,
            PipelineParameters=[{"Name": name, "Value": value} for name, value in given.items()],
            ClientRequestToken=uuid.uuid4().hex,
        )["PipelineExecutionArn"]

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return None if found["PipelineExecutionStatus"] in ("Executing", "Stopping") else found

        ended = eventually(look)
        steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return {
            "status": ended["PipelineExecutionStatus"],
            "reason": "; ".join(s.get("FailureReason", "") for s in steps["PipelineExecutionSteps"]),
            "steps": {step["StepName"]: step["StepStatus"] for step in steps["PipelineExecutionSteps"]},
        }


@pytest.fixture(scope="module")
def deployed(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Training:
    return Training(cloud, tmp_path_factory.mktemp("training"))


@pytest.fixture
def line(deployed: Training) -> Iterator[Training]:
    """The line; afterwards nothing was registered, the labels are there, and the next run registers."""
    packages, labels = deployed.packages(), deployed.labels()
    yield deployed
    assert deployed.packages() == packages, "nothing is registered"
    assert labels <= deployed.labels(), "no label is lost"
    assert deployed.run()["status"] == "Succeeded", "the next run works"
    assert len(deployed.packages()) == len(packages) + 1


def test_a_job_that_crashes_ends_the_run_with_its_last_words(line: Training) -> None:
    run = line.run(prepare="sys.exit('error: no label is approved')")
    assert run["status"] == "Failed"
    assert "error: no label is approved, exit code: 1" in run["reason"]
    assert run["steps"] == {"PrepareDataset": "Failed"}


def test_a_job_that_is_killed_ends_the_run_by_the_signals_name(line: Training) -> None:
    run = line.run(train="os.kill(os.getpid(), signal.SIGKILL)")
    assert run["status"] == "Failed"
    assert "SIGKILL" in run["reason"]
    assert run["steps"] == {"PrepareDataset": "Succeeded", "TrainDetector": "Failed"}


@pytest.mark.parametrize(
    ("step", "script"), [("PrepareDataset", "prepare"), ("TrainDetector", "train")], ids=["prepare", "train"]
)
def test_a_job_that_hangs_is_ended_by_its_limit(line: Training, step: str, script: str) -> None:
    run = line.run(**{script: "time.sleep(1000)"}, limits={step: 3})  # type: ignore[arg-type]
    assert run["status"] == "Failed"
    assert "MaxRuntimeInSeconds of 3" in run["reason"]
    assert "EvaluateModel" not in run["steps"], "a model that was not trained to its end is not measured"


def test_a_full_disk_ends_the_run_and_says_so(line: Training) -> None:
    # The device that is always full: the write fails in the kernel, as on a full volume.
    full = "os.symlink('/dev/full', os.path.join(os.environ['SM_MODEL_DIR'], 'model.onnx'))"
    run = line.run(train=full)
    assert run["status"] == "Failed"
    assert "No space left on device" in run["reason"]
    assert "EvaluateModel" not in run["steps"]


def test_labels_that_do_not_show_in_time_end_the_run_before_anything_is_trained(line: Training) -> None:
    absent = json.dumps({"source-ref": "s3://nowhere/absent.png", "event-time": LABEL["event_time"]})
    manifest = line.deployed.put(line.bucket, "labels/tags/round.manifest", absent)
    text = json.dumps(line.definition)
    waits = "--visible-timeout-seconds="
    run = line.execute(json.loads(text.replace(f"{waits}1500", f"{waits}2")), LabelsManifest=manifest)
    assert run["status"] == "Failed"
    assert "1 of 1 labels are not in the offline store after" in run["reason"]
    assert run["steps"] == {"PrepareDataset": "Failed"}
