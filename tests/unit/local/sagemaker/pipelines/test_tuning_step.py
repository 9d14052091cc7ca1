"""Tuning steps: a pipeline that tunes, then trains with the best that was found."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.sagemaker.pipelines.definition import parse_definition

_SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--of", default="")
given = parser.parse_args()
print(f"top1={1 - given.learning_rate};")
"""
_ACTIONS = [
    *(f"sagemaker:{verb}HyperParameterTuningJob" for verb in ("Create", "Describe", "ListTrainingJobsFor")),
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
]
_BEST = "Steps.TuneModel.BestTrainingJob.TunedHyperParameters['learning-rate']"


@pytest.fixture
def tuning_definition(lab: Any) -> dict[str, Any]:
    """Tune on three learning rates, one after the other; train with the best, told which job had it."""
    train = lab.training("", "", "")
    train["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "top1", "Regex": "top1=([0-9.]+);"}]
    train |= {
        "RoleArn": {"Get": "Parameters.Role"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{lab.name}/m"},
    }
    static = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": {"Get": "Parameters.Source"},
    }
    del train["HyperParameters"]
    rates = {"Name": "learning-rate", "MinValue": "0.1", "MaxValue": "0.9"}
    config = {
        "Strategy": "Random",
        "RandomSeed": {"Get": "Parameters.Seed"},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "top1"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"ContinuousParameterRanges": [rates]},
    }
    definition = {**train, "StaticHyperParameters": static}
    tune = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}
    best = {
        "learning-rate": {"Get": _BEST},
        "of": {"Get": "Steps.TuneModel.TrainingJobSummaries[0].TrainingJobName"},
    }
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {"Name": "Role", "Type": "String"},
            {"Name": "Source", "Type": "String"},
            {"Name": "Seed", "Type": "Integer", "DefaultValue": 7},
        ],
        "Steps": [
            {"Name": "TuneModel", "Type": "Tuning", "Arguments": tune},
            {
                "Name": "Train",
                "Type": "Training",
                "Arguments": {**train, "HyperParameters": {**static, **best}},
            },
        ],
    }


def _run(lab: Any, definition: dict[str, Any], actions: list[str] = _ACTIONS, script: str = _SCRIPT) -> str:
    own = [f"arn:aws:s3:::{lab.name}", f"arn:aws:s3:::{lab.name}/*"]
    role = lab.role(lab.allow("s3:*", *own), lab.allow(actions, "*"), lab.allow("iam:PassRole", "*"))
    source = lab.put("code/sourcedir.tar.gz", lab.tar_gz({"train.py": script}))
    lab.sm.create_pipeline(
        PipelineName=lab.name,
        PipelineDefinition=json.dumps(definition),
        RoleArn=role,
        ClientRequestToken=uuid.uuid4().hex,
    )
    given = {"Role": role, "Source": source}
    arn: str = lab.sm.start_pipeline_execution(
        PipelineName=lab.name,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in given.items()],
        ClientRequestToken=uuid.uuid4().hex,
    )["PipelineExecutionArn"]
    return arn


def _ended(lab: Any, arn: str) -> dict[str, Any]:
    def look() -> Any:
        execution = lab.sm.describe_pipeline_execution(PipelineExecutionArn=arn)
        return None if execution["PipelineExecutionStatus"] in ("Executing", "Stopping") else execution

    execution: dict[str, Any] = lab.until(look)
    return execution


def _steps(lab: Any, arn: str) -> dict[str, dict[str, Any]]:
    found = lab.sm.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in found}


def test_a_model_is_trained_with_the_best_that_tuning_found(
    lab: Any, tuning_definition: dict[str, Any], events: list[dict[str, Any]]
) -> None:
    arn = _run(lab, tuning_definition)
    assert _ended(lab, arn)["PipelineExecutionStatus"] == "Succeeded"
    steps = _steps(lab, arn)
    name = steps["TuneModel"]["Metadata"]["TuningJob"]["Arn"].rsplit("/", 1)[1]
    assert len(name) <= 32
    assert name.startswith(f"{arn.rsplit('/', 1)[1]}-tunemode-")
    tuning = lab.sm.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert tuning["HyperParameterTuningJobConfig"]["RandomSeed"] == 7
    best = tuning["BestTrainingJob"]
    trained = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[1]
    told = lab.sm.describe_training_job(TrainingJobName=trained)["HyperParameters"]
    assert told["learning-rate"] == best["TunedHyperParameters"]["learning-rate"]
    assert told["of"] == best["TrainingJobName"]
    changes = [event["detail"] for event in events if "Step Status" in event["detail-type"]]
    ended = next(d for d in changes if (d["stepName"], d["currentStepStatus"]) == ("TuneModel", "Succeeded"))
    assert ended["metadata"]["tuningJob"]["arn"].endswith(name)


def test_a_tuning_step_whose_jobs_all_fail_fails_the_execution_by_its_reason(
    lab: Any, tuning_definition: dict[str, Any]
) -> None:
    arn = _run(lab, tuning_definition, script="raise SystemExit(3)")
    execution = _ended(lab, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "TuneModel: All training jobs failed" in execution["FailureReason"]
    assert list(_steps(lab, arn)) == ["TuneModel"]


def test_an_execution_is_stopped_with_its_tuning_job_and_the_jobs_of_that(
    lab: Any, tuning_definition: dict[str, Any]
) -> None:
    arn = _run(lab, tuning_definition, script="import time; time.sleep(300)")
    step = lab.until(lambda: _steps(lab, arn).get("TuneModel", {}).get("Metadata"))
    name = step["TuningJob"]["Arn"].rsplit("/", 1)[1]
    asked = {"HyperParameterTuningJobName": name}

    def jobs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = lab.sm.list_training_jobs_for_hyper_parameter_tuning_job(**asked)[
            "TrainingJobSummaries"
        ]
        return found

    lab.until(lambda: len(jobs()) == 2)
    lab.sm.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex)
    assert _ended(lab, arn)["PipelineExecutionStatus"] == "Stopped"
    assert {job["TrainingJobStatus"] for job in jobs()} == {"Stopped"}


def test_a_right_that_the_pipelines_role_lacks_is_named(lab: Any, tuning_definition: dict[str, Any]) -> None:
    lacking = "sagemaker:ListTrainingJobsForHyperParameterTuningJob"
    execution = _ended(lab, _run(lab, tuning_definition, [a for a in _ACTIONS if a != lacking]))
    assert lacking in execution["FailureReason"]


def _get(reference: str) -> dict[str, str]:
    return {"Get": f"Steps.TuneModel.{reference}"}


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("BestTrainingJob.TunedHyperParameters['learning_rate']", "does not tune 'learning_rate'"),
        ("TrainingJobSummaries[1].TunedHyperParameters['width']", "does not tune 'width'"),
        ("BestTrainingJob.Nope", "has no property 'BestTrainingJob.Nope'"),
        ("ModelArtifacts.S3ModelArtifacts", "has no property"),
    ],
)
def test_a_property_that_a_tuning_step_does_not_have_is_named(
    tuning_definition: dict[str, Any], reference: str, named: str
) -> None:
    tuning_definition["Steps"][1]["Arguments"]["HyperParameters"]["learning-rate"] = _get(reference)
    with pytest.raises(AwsError, match="PipelineDefinition") as refused:
        parse_definition(json.dumps(tuning_definition))
    assert named in refused.value.message


def test_a_tuning_steps_arguments_are_checked_too(tuning_definition: dict[str, Any]) -> None:
    config = tuning_definition["Steps"][0]["Arguments"]["HyperParameterTuningJobConfig"]
    config["Strategy"] = "Lucky"
    with pytest.raises(AwsError, match="'Lucky' is not one of"):
        parse_definition(json.dumps(tuning_definition))
