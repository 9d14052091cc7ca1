from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

_MIXED = {
    "ContinuousParameterRanges": [
        {"Name": "rate", "MinValue": "0.01", "MaxValue": "1", "ScalingType": "Logarithmic"}
    ],
    "IntegerParameterRanges": [{"Name": "width", "MinValue": "16", "MaxValue": "48"}],
    "CategoricalParameterRanges": [{"Name": "level", "Values": ["0.5", "1.0"]}],
}


def test_the_best_of_random_jobs_is_found_and_all_is_told(
    tune: Callable[..., Any], lab: Any, events: list[dict[str, Any]]
) -> None:
    tags = [{"Key": "project", "Value": "edgeline"}]
    tuning = tune(jobs=4, ranges=_MIXED, epochs="2", more={"Tags": tags})
    told = tuning.ended()
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"] == {
        "Completed": 4, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0,
    }  # fmt: skip
    assert told["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    jobs = tuning.jobs(SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    best = told["BestTrainingJob"]
    assert best == jobs[0]
    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    assert values == sorted(values, reverse=True)
    chosen = best["TunedHyperParameters"]
    assert set(chosen) == {"rate", "width", "level"}
    assert chosen["level"] in ("0.5", "1.0")
    assert 16 <= int(chosen["width"]) <= 48
    assert values[0] == pytest.approx(float(chosen["level"]) - abs(float(chosen["rate"]) - 0.3), abs=1e-5)
    job = lab.sm.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert job["TuningJobArn"] == tuning.arn == told["HyperParameterTuningJobArn"]
    assert job["HyperParameters"]["_tuning_objective_metric"] == "validation:top1"
    assert job["HyperParameters"]["epochs"] == "2"
    assert chosen.items() <= job["HyperParameters"].items()
    assert [item["TrainingJobName"][:-9] for item in tuning.jobs()] == [
        f"{tuning.name}-00{number}" for number in (1, 2, 3, 4)
    ]
    assert lab.sm.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == tags
    changes = [event for event in events if "HyperParameter" in event["detail-type"]]
    assert [event["detail"]["HyperParameterTuningJobStatus"] for event in changes] == [
        "InProgress",
        "Completed",
    ]
    assert changes[1]["detail-type"] == "SageMaker HyperParameter Tuning Job State Change"
    assert changes[1]["detail"]["BestTrainingJob"]["TunedHyperParameters"] == chosen
    assert changes[1]["resources"] == [tuning.arn]


def test_the_same_seed_gives_the_same_trials_whatever_the_parallelism_and_the_timing(
    tune: Callable[..., Any],
) -> None:
    seed = {"RandomSeed": 11}
    one_by_one = tune(jobs=4, parallel=1, config=seed)
    at_once = tune(jobs=4, parallel=4, config=seed, pause="0.5")
    other = tune(jobs=4, parallel=4, config={"RandomSeed": 12})
    assert {tuning.ended()["HyperParameterTuningJobStatus"] for tuning in (one_by_one, at_once, other)} == {
        "Completed"
    }
    assert one_by_one.rates() == at_once.rates()
    assert len(set(one_by_one.rates() + other.rates())) == 8


def test_never_more_processes_than_were_asked_for_run_at_once(
    tune: Callable[..., Any], tmp_path: Path
) -> None:
    tune(jobs=6, parallel=2, notes=str(tmp_path), pause="0.8").ended()
    spans = [tuple(map(float, note.read_text().split())) for note in tmp_path.iterdir()]
    assert len(spans) == 6
    together = [sum(start <= other[0] < end for start, end in spans) for other in spans]
    assert max(together) == 2


def test_a_bayesian_tuning_job_learns_from_its_jobs(tune: Callable[..., Any]) -> None:
    tuning = tune(jobs=7, parallel=1, strategy="Bayesian", config={"RandomSeed": 3})
    assert tuning.ended()["HyperParameterTuningJobStatus"] == "Completed"
    rates = [float(rate) for rate in tuning.rates()]
    at_random = min(abs(rate - 0.3) for rate in rates[:3])
    assert min(abs(rate - 0.3) for rate in rates[3:]) < min(at_random, 0.05)


def test_a_grid_is_walked_whole(tune: Callable[..., Any]) -> None:
    values = {"CategoricalParameterRanges": [{"Name": "level", "Values": ["0.2", "0.9", "0.4"]}]}
    tuning = tune(jobs=None, ranges=values, strategy="Grid")
    best = tuning.ended()["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"level": "0.9"}
    assert len(tuning.jobs()) == 3


def test_a_smaller_objective_is_the_better_where_it_is_to_be_minimized(tune: Callable[..., Any]) -> None:
    objective = {"Type": "Minimize", "MetricName": "validation:top1"}
    tuning = tune(config={"HyperParameterTuningJobObjective": objective, "RandomSeed": 1})
    best = tuning.ended()["BestTrainingJob"]
    assert best == tuning.jobs(SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")[0]


def test_a_hopeless_job_is_stopped_early(tune: Callable[..., Any], lab: Any) -> None:
    values = {"CategoricalParameterRanges": [{"Name": "level", "Values": ["0.7", "0.9", "0.8", "0.1"]}]}
    auto = {"TrainingJobEarlyStoppingType": "Auto"}
    tuning = tune(
        jobs=None,
        parallel=1,
        ranges=values,
        strategy="Grid",
        config=auto,
        epochs="16",
        pause="0.05",
        hopeless="0.2",
    )
    told = tuning.ended()
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["Completed"] == 3
    assert told["TrainingJobStatusCounters"]["Stopped"] == 1
    assert told["ObjectiveStatusCounters"]["Succeeded"] == 4
    assert told["BestTrainingJob"]["TunedHyperParameters"] == {"level": "0.9"}
    (stopped,) = tuning.jobs(StatusEquals="Stopped")
    assert stopped["TunedHyperParameters"] == {"level": "0.1"}
    lines = lab.plugin.jobs.training.log_path(stopped["TrainingJobName"]).read_text().splitlines()
    assert 4 <= len(lines) < 10_000  # not before a quarter of the others' epochs, and not at its own end


def test_a_stopped_tuning_job_stops_its_jobs(tune: Callable[..., Any]) -> None:
    tuning = tune(jobs=6, parallel=2, pause="60")
    tuning.lab.until(lambda: len(tuning.jobs()) == 2)
    tuning.stop()
    told = tuning.ended()
    assert told["HyperParameterTuningJobStatus"] == "Stopped"
    assert told["TrainingJobStatusCounters"]["Stopped"] == 2
    assert {job["TrainingJobStatus"] for job in tuning.jobs()} == {"Stopped"}
    assert "BestTrainingJob" not in told
    tuning.stop()  # one that has ended is left as it is
    assert tuning.described()["HyperParameterTuningJobStatus"] == "Stopped"


def test_two_at_once_do_not_meet(tune: Callable[..., Any], lab: Any) -> None:
    one, other = tune(jobs=3, config={"RandomSeed": 1}), tune(jobs=3, config={"RandomSeed": 2})
    for tuning in (one, other):
        assert tuning.ended()["HyperParameterTuningJobStatus"] == "Completed"
        assert all(job["TrainingJobName"].startswith(tuning.name) for job in tuning.jobs())
    assert set(one.rates()).isdisjoint(other.rates())
    found = lab.sm.list_hyper_parameter_tuning_jobs(NameContains=one.name, StatusEquals="Completed")
    listed = {job["HyperParameterTuningJobName"]: job for job in found["HyperParameterTuningJobSummaries"]}
    assert listed[one.name]["Strategy"] == "Random"
    assert listed[one.name]["TrainingJobStatusCounters"]["Completed"] == 3


def test_a_name_is_taken_once_and_free_again_after_its_deletion(tune: Callable[..., Any], lab: Any) -> None:
    tuning = tune(jobs=1)
    request = {"HyperParameterTuningJobName": tuning.name}
    with pytest.raises(ClientError, match="stop it first"):
        lab.sm.delete_hyper_parameter_tuning_job(**request)
    told = tuning.ended()
    again = {
        **request,
        "HyperParameterTuningJobConfig": told["HyperParameterTuningJobConfig"],
        "TrainingJobDefinition": told["TrainingJobDefinition"],
    }
    with pytest.raises(ClientError) as taken:
        lab.sm.create_hyper_parameter_tuning_job(**again)
    assert taken.value.response["Error"]["Code"] == "ResourceInUse"
    lab.sm.delete_hyper_parameter_tuning_job(**request)
    with pytest.raises(ClientError) as gone:
        tuning.described()
    assert gone.value.response["Error"]["Code"] == "ResourceNotFound"
    lab.sm.describe_training_job(TrainingJobName=told["BestTrainingJob"]["TrainingJobName"])
    lab.sm.create_hyper_parameter_tuning_job(**again)
    assert tuning.ended()["HyperParameterTuningJobStatus"] == "Completed"


def test_each_job_has_checkpoints_of_its_own(tune: Callable[..., Any], lab: Any) -> None:
    place = {"CheckpointConfig": {"S3Uri": f"s3://{lab.name}/checkpoints"}}
    tuning = tune(jobs=2, definition=place)
    tuning.ended()
    for job in tuning.jobs():
        described = lab.sm.describe_training_job(TrainingJobName=job["TrainingJobName"])
        assert (
            described["CheckpointConfig"]["S3Uri"] == f"s3://{lab.name}/checkpoints/{job['TrainingJobName']}"
        )
