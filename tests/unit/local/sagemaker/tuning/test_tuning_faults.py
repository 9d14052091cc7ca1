"""What a tuning job does when its training jobs fail, or its time is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.cloud.call import Call
from local.cloud.processes import Processes
from local.sagemaker.jobs.jobs import Jobs
from local.sagemaker.jobs.training import Training
from local.sagemaker.tags import Tags
from local.sagemaker.tuning.api import TuningJobs
from local.sagemaker.tuning.plan import Plan
from local.sagemaker.tuning.ranges import read_ranges
from local.sagemaker.tuning.run import End, TuningRun
from local.sagemaker.tuning.strategies import Chosen, Random, Tried

RATE = {"ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]}


def test_a_training_job_that_crashes_is_counted_and_the_others_go_on(tune: Callable[..., Any]) -> None:
    tuning = tune(jobs=5, config={"RandomSeed": 5}, fault="high")
    told = tuning.ended()
    failed = tuning.jobs(StatusEquals="Failed")
    assert 0 < len(failed) < 5
    assert told["HyperParameterTuningJobStatus"] == "Completed"
    assert told["TrainingJobStatusCounters"]["NonRetryableError"] == len(failed)
    assert told["TrainingJobStatusCounters"]["Completed"] == 5 - len(failed)
    assert told["ObjectiveStatusCounters"] == {
        "Succeeded": 5 - len(failed),
        "Pending": 0,
        "Failed": len(failed),
    }
    for job in failed:
        assert "out of luck" in job["FailureReason"]
        assert job["ObjectiveStatus"] == "Failed"
        assert float(job["TunedHyperParameters"]["rate"]) > 0.5
    assert float(told["BestTrainingJob"]["TunedHyperParameters"]["rate"]) <= 0.5


def test_when_all_fail_the_tuning_job_gives_up_after_five(tune: Callable[..., Any]) -> None:
    tuning = tune(jobs=20, parallel=2, fault="crash")
    told = tuning.ended()
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("No training job succeeded after 5 attempts")
    assert 5 <= len(tuning.jobs()) <= 6
    assert "BestTrainingJob" not in told


def test_when_all_of_a_few_fail_the_tuning_job_fails(tune: Callable[..., Any]) -> None:
    told = tune(jobs=2, fault="crash").ended()
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("All training jobs failed")


def test_jobs_that_print_no_metric_have_no_objective_and_fail_the_tuning_job(
    tune: Callable[..., Any],
) -> None:
    tuning = tune(jobs=3, fault="silent")
    told = tuning.ended()
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert told["FailureReason"].startswith("No objective metrics found after running 3 training jobs")
    assert told["TrainingJobStatusCounters"]["Completed"] == 3
    assert {job["ObjectiveStatus"] for job in tuning.jobs()} == {"Failed"}


def test_an_interrupted_spot_job_of_a_tuning_job_goes_on(tune: Callable[..., Any], lab: Any) -> None:
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
    }
    tuning = tune(jobs=2, parallel=1, definition=spot, epochs="4", pause="0.3")
    name = lab.until(lambda: tuning.jobs())[0]["TrainingJobName"]
    training = lab.plugin.jobs.training
    lab.until(lambda: training.describe(name)["SecondaryStatus"] == "Training")
    training.interrupt(name)
    told = tuning.ended()
    assert told["TrainingJobStatusCounters"]["Completed"] == 2
    went = [item["Status"] for item in training.describe(name)["SecondaryStatusTransitions"]]
    assert went.count("Interrupted") == 1


class _Jobs:
    """Training jobs that run until they are stopped; a minute passes when one is started."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.statuses: dict[str, str] = {}
        self._watcher: Any = None

    def create(self, call: Any, request: dict[str, Any], watcher: Any, **told: Any) -> None:
        self._watcher = watcher
        self.statuses[request["TrainingJobName"]] = "InProgress"
        watcher.measured(request["TrainingJobName"], "top1", 0.5)
        self.seconds += 60.0

    def describe(self, name: str) -> dict[str, Any]:
        return {"TrainingJobName": name, "TrainingJobStatus": self.statuses[name]}

    def stop(self, name: str) -> None:
        self.statuses[name] = "Stopped"
        self._watcher.ended(name)


def test_a_tuning_job_stops_its_jobs_when_its_time_is_over() -> None:
    jobs = _Jobs()
    ranges = read_ranges(RATE)
    plan = Plan("t", "top1", True, Random(ranges, 1), None, 9, 120, False, {}, [])
    run = TuningRun(plan, "arn", jobs, None, clock=lambda: jobs.seconds)  # type: ignore[arg-type]
    assert run.run() == End("Completed")
    assert list(jobs.statuses.values()) == ["Stopped", "Stopped"]


class _Puzzled:
    """A strategy that knows one choice."""

    def choose(self, number: int, tried: Sequence[Tried]) -> Chosen:
        if number:
            raise ArithmeticError("singular matrix")
        return {"rate": "0.5"}


def test_a_strategy_that_breaks_ends_the_tuning_job_and_its_jobs() -> None:
    jobs = _Jobs()
    plan = Plan("t", "top1", True, _Puzzled(), 9, 2, None, False, {}, [])
    run = TuningRun(plan, "arn", jobs, None)  # type: ignore[arg-type]
    assert run.run() == End("Failed", "InternalServerError: ArithmeticError: singular matrix")
    assert list(jobs.statuses.values()) == ["Stopped"]


def test_a_cloud_that_closes_leaves_no_training_job_behind(
    tune: Callable[..., Any], lab: Any, tmp_path: Path
) -> None:
    processes, tags = Processes(), Tags()
    training = Jobs(lab.cloud, processes, tags, Training())
    tuning = TuningJobs(lab.cloud, training, tags)
    call = Call("000000000000", lab.cloud.region, "arn:aws:iam::000000000000:root", "000000000000")
    client = SimpleNamespace(
        create_hyper_parameter_tuning_job=lambda **request: tuning.create_hyper_parameter_tuning_job(
            call, **request
        )
    )
    name = tune(jobs=9, client=client, notes=str(tmp_path), pause="300").name
    lab.until(lambda: len(list(tmp_path.iterdir())) == 2)
    tuning.close()
    assert tuning.describe(name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert {job["TrainingJobStatus"] for job in tuning.summaries(name)} == {"Stopped"}
    processes.close()
    assert len(list(tmp_path.iterdir())) == 2
