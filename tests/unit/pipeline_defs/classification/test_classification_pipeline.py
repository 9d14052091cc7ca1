"""The definition of the classification pipeline, as a whole and by errors planted in it."""

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from pipeline_defs import upsert
from pipeline_defs.classification.label_map import labels_sha256
from pipeline_defs.classification.settings import settings_file, settings_of
from pipeline_defs.common.checks import DefinitionError, check, problems
from pipeline_defs.common.settings import Settings, SettingsError

Definition = dict[str, Any]
STEPS = [
    "CheckData", "EncodePictures", "WriteRecords", "SplitRecords", "TuneModel", "TrainModel",
    "EvaluateModel", "CheckTop1", "RefuseLowTop1",
]  # fmt: skip


@pytest.fixture(scope="module")
def described() -> Callable[[Settings], str]:
    made: dict[str, str] = {}

    def describe(settings: Settings) -> str:
        name = settings.model.name
        if name not in made:
            made[name] = upsert.describe(settings, "code/0123/")
        return made[name]

    return describe


@pytest.fixture
def definition(described: Callable[[Settings], str], species: Settings) -> Definition:
    loaded: Definition = json.loads(described(species))
    return loaded


def step(definition: Definition, name: str) -> Definition:
    steps = list(definition["Steps"])
    for each in steps:
        steps += each["Arguments"].get("IfSteps", []) + each["Arguments"].get("ElseSteps", [])
        if each["Name"] == name:
            return dict(each)
    raise KeyError(name)


def test_the_whole_definition(definition: Definition, snapshot: SnapshotAssertion) -> None:
    assert definition == snapshot


def test_steps_in_their_order(definition: Definition) -> None:
    assert [each["Name"] for each in definition["Steps"]] == STEPS


def test_the_definition_depends_on_its_sources_only(
    described: Callable[[Settings], str], species: Settings
) -> None:
    time.sleep(1.1)  # the SDK's names have time stamps in seconds
    assert upsert.describe(species, "code/0123/") == described(species)


def test_tuning_tries_on_a_part_and_training_has_all(definition: Definition) -> None:
    tuning = step(definition, "TuneModel")["Arguments"]
    static = tuning["TrainingJobDefinition"]["StaticHyperParameters"]
    assert (static["share"], static["epochs"], static["settings"]) == ("0.5", "10", "models/species.json")
    channels = [each["ChannelName"] for each in tuning["TrainingJobDefinition"]["InputDataConfig"]]
    assert channels == ["train", "validation"]
    training = step(definition, "TrainModel")["Arguments"]
    assert "share" not in training["HyperParameters"]
    (channel,) = training["InputDataConfig"]
    assert "Outputs['full']" in channel["DataSource"]["S3DataSource"]["S3Uri"]["Get"]
    best = "Steps.TuneModel.BestTrainingJob.TunedHyperParameters['width']"
    assert training["HyperParameters"]["width"] == {"Get": best}


def test_the_seed_decides_split_trials_and_training(definition: Definition) -> None:
    seed = {"Get": "Parameters.Seed"}
    assert step(definition, "TuneModel")["Arguments"]["HyperParameterTuningJobConfig"]["RandomSeed"] == seed
    for name in ("SplitRecords", "TuneModel", "TrainModel"):
        assert json.dumps(seed) in json.dumps(step(definition, name)["Arguments"]), name


def test_a_spot_training_keeps_checkpoints_and_waits_longer_than_it_runs(
    definition: Definition, described: Callable[[Settings], str], flowers: Settings
) -> None:
    training = step(definition, "TrainModel")["Arguments"]
    assert training["EnableManagedSpotTraining"] is True
    assert training["CheckpointConfig"]["LocalPath"] == "/opt/ml/checkpoints"
    limits = training["StoppingCondition"]
    assert limits["MaxWaitTimeInSeconds"] > limits["MaxRuntimeInSeconds"]
    on_demand = step(json.loads(described(flowers)), "TrainModel")["Arguments"]
    assert "EnableManagedSpotTraining" not in on_demand
    assert "MaxWaitTimeInSeconds" not in on_demand["StoppingCondition"]
    assert on_demand["CheckpointConfig"]  # a step that is tried again goes on where it was


def test_what_a_job_needs_to_know_is_in_its_file_and_on_no_command_line(definition: Definition) -> None:
    for name in ("CheckData", "EncodePictures", "WriteRecords", "SplitRecords", "EvaluateModel"):
        arguments = step(definition, name)["Arguments"]["AppSpecification"]["ContainerArguments"]
        assert arguments[0] == "--settings=/opt/ml/processing/input/code/models/species.json"


def test_a_package_waits_for_a_person_and_says_what_it_fits(definition: Definition) -> None:
    arguments = step(definition, "RegisterModel")["Arguments"]
    assert arguments["ModelApprovalStatus"] == "PendingManualApproval"
    properties = arguments["CustomerMetadataProperties"]
    assert properties["task"] == "classification"
    assert properties["tree"] == "species"
    assert properties["label_map_sha256"] == labels_sha256(["flowers", "trees", "mushroom"])
    assert properties["fits_flowers"] == labels_sha256(["tulip", "daffodil"])
    assert properties["fits_trees"] == labels_sha256(["oak"])
    named = {"model", "dataset", "dataset_manifest", "test_set", "evaluation", "code", "git_commit", "seed"}
    assert named <= properties.keys()


def test_a_child_says_what_its_parent_expects(
    described: Callable[[Settings], str], flowers: Settings
) -> None:
    child = step(json.loads(described(flowers)), "RegisterModel")["Arguments"]["CustomerMetadataProperties"]
    assert child["label_map_sha256"] == labels_sha256(["tulip", "daffodil"])
    assert not [name for name in child if name.startswith("fits_")]


def test_everything_that_a_job_writes_is_encrypted_with_the_key(
    definition: Definition, species: Settings
) -> None:
    jobs = [
        each["Arguments"].get("TrainingJobDefinition", each["Arguments"])
        for each in definition["Steps"]
        if each["Type"] != "Condition"
    ]
    keys = [
        job.get("OutputDataConfig", job.get("ProcessingOutputConfig", {})).get("KmsKeyId") for job in jobs
    ]
    assert keys == [species.kms_key_arn] * 7


def test_every_job_has_the_tags_that_its_cost_is_counted_by(definition: Definition) -> None:
    for name in STEPS[:7]:
        assert {"Key": "project", "Value": "line"} in step(definition, name)["Arguments"]["Tags"], name


def test_the_files_of_a_model_are_part_of_its_code(species: Settings, flowers: Settings) -> None:
    sources = upsert.Sources({"a.py": b""})
    prefixes = {sources.with_files(upsert.task_of(each).files(each)).prefix for each in (species, flowers)}
    assert len(prefixes) == 2
    written = upsert.task_of(species).files(species)[settings_file("species")]
    assert json.loads(written)["labels"]["flowers"] == ["tulip", "daffodil"]


def test_a_new_group_needs_no_code(tree_environment: dict[str, str]) -> None:
    models = json.loads(tree_environment["MODEL_CONFIG"])
    described = models["species"]["classification"]
    described["labels"] = {"birds": ["wren"], **described["labels"]}
    described["children"]["birds"] = "birds"
    environment = tree_environment | {"MODEL_CONFIG": json.dumps(models)}
    grown = json.loads(upsert.describe(Settings.read(environment, "species"), "code/0123/"))
    properties = step(grown, "RegisterModel")["Arguments"]["CustomerMetadataProperties"]
    assert properties["fits_birds"] == labels_sha256(["wren"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": {}},
        {"tuning": {"strategy": "grid"}},
        {"epochs": None, "colour": 1},
        {"children": {"x": "x"}},
    ],
)
def test_a_description_that_is_wrong_names_the_model(
    tree_environment: dict[str, str], wrong: dict[str, Any]
) -> None:
    models = json.loads(tree_environment["MODEL_CONFIG"])
    models["species"]["classification"] |= wrong
    settings = Settings.read(tree_environment | {"MODEL_CONFIG": json.dumps(models)}, "species")
    with pytest.raises(SettingsError, match=r"MODEL_CONFIG of 'species', 'classification'"):
        settings_of(settings.model)


Change = Callable[[Definition], object]


def tuning(definition: Definition) -> Definition:
    found: Definition = definition["Steps"][4]["Arguments"]
    return found


def training(definition: Definition) -> Definition:
    found: Definition = definition["Steps"][5]["Arguments"]
    return found


PLANTED: list[tuple[Change, str]] = [
    (lambda d: tuning(d)["HyperParameterTuningJobConfig"].update(Strategy="Luck"), "none of .*Strategy"),
    (
        lambda d: tuning(d)["HyperParameterTuningJobConfig"].pop("ResourceLimits"),
        "Missing required parameter.*ResourceLimits",
    ),
    (
        lambda d: tuning(d)["TrainingJobDefinition"]["StaticHyperParameters"].update(epochs=10),
        "Invalid type for parameter",
    ),
    (
        lambda d: tuning(d)["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"][
            "S3DataSource"
        ].update(S3Uri={"Get": "Steps.SplitRecords.ProcessingOutputConfig.Outputs['tests'].S3Output.S3Uri"}),
        "no output 'tests'",
    ),
    (
        lambda d: training(d)["HyperParameters"].update(
            width={"Get": "Steps.TuneModel.BestJob.TunedHyperParameters['width']"}
        ),
        "is not a property of a Tuning step",
    ),
    (
        lambda d: training(d)["HyperParameters"].update(
            width={"Get": "Steps.TrainModel.ModelArtifacts.S3ModelArtifacts"}
        ),
        "cannot use its own properties",
    ),
    (
        lambda d: d["Steps"][6]["Arguments"]["AppSpecification"]["ContainerArguments"].append(
            {"Std:Join": {"On": "=", "Values": ["--children", {"Get": "Parameters.Child"}]}}
        ),
        "parameter 'Child' is not declared",
    ),
    (lambda d: d["Steps"][4].update(Name="TrainModel"), "two steps have this name"),
]


@pytest.mark.parametrize(("plant", "complaint"), PLANTED, ids=[complaint for _, complaint in PLANTED])
def test_a_planted_error_is_found(definition: Definition, plant: Change, complaint: str) -> None:
    assert problems(definition) == []
    wrong = copy.deepcopy(definition)
    plant(wrong)
    with pytest.raises(DefinitionError, match=complaint):
        check(wrong)
