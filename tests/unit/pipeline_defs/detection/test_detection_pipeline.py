"""The definition of the detection pipeline, and the checks of definitions by errors planted in it."""

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_defs import upsert
from pipeline_defs.common.checks import DefinitionError, check, problems
from pipeline_defs.common.session import CallAttemptedError, describing_session
from pipeline_defs.common.settings import Settings

Definition = dict[str, Any]


@pytest.fixture(scope="module")
def described() -> Callable[[Settings], str]:
    made: dict[str, str] = {}

    def describe(settings: Settings) -> str:
        if "definition" not in made:
            made["definition"] = upsert.describe(settings, "code/0123/")
        return made["definition"]

    return describe


@pytest.fixture
def definition(described: Callable[[Settings], str], settings: Settings) -> Definition:
    loaded: Definition = json.loads(described(settings))
    return loaded


def step(definition: Definition, name: str) -> Definition:
    steps = list(definition["Steps"])
    for each in steps:
        steps += each["Arguments"].get("IfSteps", []) + each["Arguments"].get("ElseSteps", [])
        if each["Name"] == name:
            return dict(each)
    raise KeyError(name)


def test_steps_in_their_order(definition: Definition) -> None:
    assert [each["Name"] for each in definition["Steps"]] == [
        "PrepareDataset",
        "TrainDetector",
        "EvaluateModel",
        "CheckMap50",
        "RefuseLowMap50",
    ]
    for name, follows in (("CheckMap50", "RegisterModel"), ("RefuseLowMap50", "MetricTooLow")):
        check_step = step(definition, name)["Arguments"]
        assert [each["Name"] for each in check_step["IfSteps"]] == [follows]
        assert check_step["ElseSteps"] == []


def test_a_rebuilt_model_is_neither_registered_nor_refused(definition: Definition) -> None:
    release = {"Type": "Equals", "LeftValue": {"Get": "Parameters.Register"}, "RightValue": "yes"}
    for name in ("CheckMap50", "RefuseLowMap50"):
        assert release in step(definition, name)["Arguments"]["Conditions"]
    metric = [step(definition, n)["Arguments"]["Conditions"][1] for n in ("CheckMap50", "RefuseLowMap50")]
    assert [each["Type"] for each in metric] == ["GreaterThanOrEqualTo", "LessThan"]
    assert metric[0]["LeftValue"] == metric[1]["LeftValue"]


def test_every_job_has_the_tags_that_its_cost_is_counted_by(definition: Definition) -> None:
    for name in ("PrepareDataset", "TrainDetector", "EvaluateModel"):
        tags = step(definition, name)["Arguments"]["Tags"]
        assert {"Key": "project", "Value": "line"} in tags, name


def test_parameters_and_their_defaults(definition: Definition) -> None:
    assert {p["Name"]: p.get("DefaultValue") for p in definition["Parameters"]} == {
        "LabelsManifest": "",
        "AsOf": None,
        "DatasetManifest": "",
        "Map50Threshold": 0.6,
        "Seed": 7,
        "GitCommit": "unknown",
        "Register": "yes",
    }


def test_the_definition_depends_on_its_sources_only(
    described: Callable[[Settings], str], settings: Settings
) -> None:
    time.sleep(1.1)  # the SDK's names have time stamps in seconds
    assert upsert.describe(settings, "code/0123/") == described(settings)


def test_a_package_waits_for_a_person(definition: Definition) -> None:
    assert step(definition, "RegisterModel")["Arguments"]["ModelApprovalStatus"] == "PendingManualApproval"
    assert '"Approved"' not in json.dumps(definition)
    assert not any("pprov" in parameter["Name"] for parameter in definition["Parameters"])


def test_a_package_names_what_it_came_from(definition: Definition) -> None:
    arguments = step(definition, "RegisterModel")["Arguments"]
    assert set(arguments["CustomerMetadataProperties"]) == {
        "model",
        "dataset",
        "dataset_manifest",
        "test_set",
        "evaluation",
        "code",
        "git_commit",
        "seed",
    }
    assert arguments["CustomerMetadataProperties"]["code"] == "s3://artifacts/code/0123/"
    statistics = arguments["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == arguments["CustomerMetadataProperties"]["evaluation"]
    (container,) = arguments["InferenceSpecification"]["Containers"]
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


def test_jobs_run_the_scripts_of_the_sources(definition: Definition) -> None:
    for name, script in (("PrepareDataset", "prepare"), ("EvaluateModel", "evaluate")):
        entry = step(definition, name)["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
        assert entry == [
            "/bin/sh",
            "/opt/ml/processing/input/code/pipeline_defs/run_job.sh",
            f"pipeline_defs.detection.scripts.{script}",
        ]
    hyperparameters = step(definition, "TrainDetector")["Arguments"]["HyperParameters"]
    assert hyperparameters["sagemaker_submit_directory"] == "s3://artifacts/code/0123/sourcedir.tar.gz"
    assert hyperparameters["sagemaker_program"] == "pipeline_defs/detection/scripts/train.py"


def test_everything_that_a_job_writes_is_encrypted_with_the_key(
    definition: Definition, settings: Settings
) -> None:
    keys = [
        step(definition, "PrepareDataset")["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"],
        step(definition, "EvaluateModel")["Arguments"]["ProcessingOutputConfig"]["KmsKeyId"],
        step(definition, "TrainDetector")["Arguments"]["OutputDataConfig"]["KmsKeyId"],
    ]
    assert keys == [settings.kms_key_arn] * 3


def test_the_session_refuses_to_call_aws() -> None:
    session = describing_session("eu-west-1", "artifacts")
    with pytest.raises(CallAttemptedError, match="s3:ListBuckets"):
        session.boto_session.client("s3").list_buckets()


Change = Callable[[Definition], object]


def arguments(definition: Definition, index: int) -> Definition:
    found: Definition = definition["Steps"][index]["Arguments"]
    return found


def cluster(definition: Definition) -> Definition:
    found: Definition = arguments(definition, 0)["ProcessingResources"]["ClusterConfig"]
    return found


def refer(reference: str) -> Change:
    """Let the first channel of the training step refer to something else."""

    def change(definition: Definition) -> None:
        channel = arguments(definition, 1)["InputDataConfig"][0]
        channel["DataSource"]["S3DataSource"]["S3Uri"] = {"Get": reference}

    return change


PLANTED: list[tuple[Change, str]] = [
    (
        lambda d: arguments(d, 1)["ResourceConfig"].update(InstanceType="ml.m5.huge"),
        "is none of TrainingInstanceType",
    ),
    (lambda d: arguments(d, 1).update(RoleArn="role"), "RoleArn: 'role' does not match"),
    (lambda d: arguments(d, 1).pop("OutputDataConfig"), "Missing required parameter.*OutputDataConfig"),
    (lambda d: arguments(d, 1)["HyperParameters"].update(seed=7), "invalid type for parameter|Invalid type"),
    (
        lambda d: arguments(d, 1)["HyperParameters"].update(seed={"Get": "Parameters.Seed"}),
        "use .to_string()",
    ),
    (lambda d: cluster(d).update(VolumeSizeInGB=10**6), "is more than"),
    (lambda d: arguments(d, 0).update(Colour="red"), "Unknown parameter.*Colour"),
    (lambda d: arguments(d, 0)["AppSpecification"].update(ContainerArguments=["x" * 300]), "longer than 256"),
    (lambda d: arguments(d, 0).update(ProcessingInputs={"Get": "Parameters.AsOf"}), "wants a list"),
    (lambda d: d["Steps"][1].update(Name="PrepareDataset"), "two steps have this name"),
    (lambda d: d["Steps"][1].update(Type="Lambda"), "step type 'Lambda' is not known"),
    (lambda d: d["Steps"][1].update(DependsOn=["Nobody"]), "depends on 'Nobody'"),
    (refer("Steps.Nobody.ModelArtifacts"), "there is no step 'Nobody'"),
    (refer("Steps.TrainDetector.ModelArtifacts.S3ModelArtifacts"), "cannot use its own properties"),
    (refer("Steps.PrepareDataset.Nothing"), "is not a property of a Processing step"),
    (refer("Steps.PrepareDataset.ProcessingOutputConfig.Outputs['val'].S3Output.S3Uri"), "no output 'val'"),
    (refer("Steps.EvaluateModel.PropertyFiles.Nothing"), "no property file 'Nothing'"),
    (refer("Steps.CheckMap50.Outcome"), "has no properties"),
    (refer("Parameters.Nothing"), "parameter 'Nothing' is not declared"),
    (refer("Execution.Nothing"), "there is no execution variable 'Nothing'"),
]


@pytest.mark.parametrize(("plant", "complaint"), PLANTED, ids=[complaint for _, complaint in PLANTED])
def test_a_planted_error_is_found(definition: Definition, plant: Change, complaint: str) -> None:
    assert problems(definition) == []
    wrong = copy.deepcopy(definition)
    plant(wrong)
    with pytest.raises(DefinitionError, match=complaint):
        check(wrong)
