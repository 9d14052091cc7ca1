"""The checks of tuning and spot training, by errors planted in a definition."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_defs.common.checks import DefinitionError, check, problems

Definition = dict[str, Any]
Change = Callable[[Definition], object]


@pytest.fixture
def definition() -> Definition:
    """A step that tunes, one that trains with what it found, on spot instances."""
    stopping = {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    training = {
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "top1", "Regex": "top1=([0-9.]+);"}],
        },
        "RoleArn": "arn:aws:iam::111122223333:role/jobs",
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/runs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": True,
    }
    config = {
        "Strategy": "Random",
        "RandomSeed": {"Get": "Parameters.Seed"},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "top1"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "0.1", "MaxValue": "0.9", "ScalingType": "Logarithmic"}
            ],
            "IntegerParameterRanges": [{"Name": "width", "MinValue": "16", "MaxValue": "48"}],
        },
    }
    tuned = "Steps.Tune.BestTrainingJob.TunedHyperParameters"
    best = {name: {"Get": f"{tuned}['{name}']"} for name in ("rate", "width")}
    tune = {
        "HyperParameterTuningJobConfig": config,
        "TrainingJobDefinition": {**copy.deepcopy(training), "StaticHyperParameters": {"epochs": "3"}},
    }
    return {
        "Parameters": [
            {"Name": "Seed", "Type": "Integer"},
            {"Name": "Share", "Type": "Float"},
            {"Name": "Bucket", "Type": "String"},
        ],
        "Steps": [
            {"Name": "Tune", "Type": "Tuning", "Arguments": tune},
            {"Name": "Train", "Type": "Training", "Arguments": {**training, "HyperParameters": best}},
        ],
    }


def _config(definition: Definition) -> Definition:
    found: Definition = definition["Steps"][0]["Arguments"]["HyperParameterTuningJobConfig"]
    return found


def _tuned(definition: Definition) -> Definition:
    found: Definition = definition["Steps"][0]["Arguments"]["TrainingJobDefinition"]
    return found


def _train(definition: Definition) -> Definition:
    found: Definition = definition["Steps"][1]["Arguments"]
    return found


def _range(kind: str, **more: str) -> Change:
    return lambda d: _config(d)["ParameterRanges"][f"{kind}ParameterRanges"][0].update(more)


def _refer(reference: str) -> Change:
    return lambda d: _train(d)["HyperParameters"].update(rate={"Get": f"Steps.Tune.{reference}"})


def _seed(name: str) -> Change:
    return lambda d: _config(d).update(RandomSeed={"Get": f"Parameters.{name}"})


PLANTED: list[tuple[Change, str]] = [
    (_refer("BestTrainingJob.TunedHyperParameters['raet']"), "Tune does not tune 'raet'"),
    (_refer("TrainingJobSummaries[0].TunedHyperParameters['epochs']"), "does not tune 'epochs'"),
    (_refer("BestTrainingJob.TrainingJobNmae"), "is not a property of a Tuning step"),
    (_refer("ModelArtifacts.S3ModelArtifacts"), "is not a property of a Tuning step"),
    (_range("Integer", Name="rate"), "'rate' has two ranges"),
    (_range("Integer", Name="epochs"), "'epochs' has a range and a static value"),
    (_range("Integer", MinValue="48"), "'width': 48 is not below 48"),
    (_range("Integer", MaxValue="48.5"), "no number of its kind, integer"),
    (_range("Continuous", MinValue="0"), "logarithmic scaling needs values above 0"),
    (_range("Continuous", ScalingType="ReverseLogarithmic", MaxValue="1"), "reverse logarithmic"),
    (_range("Continuous", ScalingType="Log"), "is none of HyperParameterScalingType"),
    (_range("Continuous", MinValue=0.1), "Invalid type"),  # type: ignore[arg-type]
    (lambda d: _config(d).update(ParameterRanges={}), "there is nothing to tune"),
    (lambda d: _config(d).update(Strategy="Grid"), "categorical parameters only"),
    (lambda d: _config(d).update(Strategy="Lucky"), "is none of HyperParameterTuningJobStrategyType"),
    (lambda d: _config(d)["ResourceLimits"].pop("MaxNumberOfTrainingJobs"), "nor their time has a limit"),
    (lambda d: _config(d)["ResourceLimits"].pop("MaxParallelTrainingJobs"), "MaxParallelTrainingJobs"),
    (
        lambda d: _config(d)["HyperParameterTuningJobObjective"].update(MetricName="top5"),
        "objective 'top5' is none of the metrics: top1",
    ),
    (
        lambda d: _tuned(d)["AlgorithmSpecification"]["MetricDefinitions"][0].update(Regex="top1=.*;"),
        "has 0 groups",
    ),
    (
        lambda d: _tuned(d)["AlgorithmSpecification"]["MetricDefinitions"][0].update(Regex="top1=(;"),
        "pattern of the objective 'top1'",
    ),
    (_seed("Share"), "'Share' is of type Float where the API wants a whole number"),
    (_seed("Bucket"), "'Bucket' is of type String where the API wants a whole number"),
    (lambda d: _tuned(d).pop("EnableManagedSpotTraining"), "Tune: MaxWaitTimeInSeconds is for spot"),
    (lambda d: _train(d)["StoppingCondition"].pop("MaxWaitTimeInSeconds"), "Train: spot training needs"),
    (lambda d: _train(d)["StoppingCondition"].update(MaxWaitTimeInSeconds=60), "60 is less than"),
    (lambda d: _train(d).update(CheckpointConfig={"LocalPath": "/opt/ml/checkpoints"}), "S3Uri"),
]


@pytest.mark.parametrize(("plant", "complaint"), PLANTED, ids=[complaint for _, complaint in PLANTED])
def test_a_planted_error_is_found(definition: Definition, plant: Change, complaint: str) -> None:
    assert problems(definition) == []
    plant(definition)
    with pytest.raises(DefinitionError, match=complaint):
        check(definition)
