from __future__ import annotations

from statistics import fmean

import pytest

from local.sagemaker.tuning.early_stopping import hopeless
from local.sagemaker.tuning.ranges import read_ranges
from local.sagemaker.tuning.strategies import Bayesian, Chosen, Grid, Random, Strategy, Tried

_RANGES = read_ranges(
    {
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.0001", "MaxValue": "0.1", "ScalingType": "Logarithmic"},
            {"Name": "decay", "MinValue": "0", "MaxValue": "1"},
        ],
        "IntegerParameterRanges": [{"Name": "width", "MinValue": "16", "MaxValue": "48"}],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["sgd", "adam"]}],
    }
)


def _objective(chosen: Chosen) -> float:
    """Best at rate 0.003, decay 0.7, width 40, adam; 0 there."""
    units = {item.name: item.unit(chosen[item.name]) for item in _RANGES if item.name != "optimizer"}  # type: ignore[union-attr]
    far = (units["rate"] - 0.49) ** 2 + (units["decay"] - 0.7) ** 2 + (units["width"] - 0.74) ** 2
    return -far - (0.2 if chosen["optimizer"] == "sgd" else 0.0)


def _search(strategy: Strategy, jobs: int = 14) -> float:
    tried: list[Tried] = []
    for number in range(jobs):
        chosen = strategy.choose(number, tried)
        tried.append(Tried(chosen, _objective(chosen)))
    return max(item.objective or -9.0 for item in tried)


def test_the_same_seed_chooses_the_same_whatever_came_of_the_jobs_before() -> None:
    one, other = Random(_RANGES, 7), Random(_RANGES, 7)
    came = [Tried({}, 1.0)] * 5
    assert [one.choose(n, []) for n in range(6)] == [other.choose(n, came) for n in range(6)]
    assert one.choose(3, []) == other.choose(3, [])
    assert one.choose(0, []) != Random(_RANGES, 8).choose(0, [])
    assert len({str(one.choose(number, [])) for number in range(50)}) == 50


@pytest.mark.acceptance
def test_a_gaussian_process_finds_more_than_chance_with_the_same_jobs() -> None:
    seeds = range(2)
    guided = fmean(_search(Bayesian(_RANGES, seed, "maximize")) for seed in seeds)
    by_chance = fmean(_search(Random(_RANGES, seed)) for seed in seeds)
    assert guided > by_chance / 2  # both are below 0: at most half as far from the best


def test_a_bayesian_choice_depends_on_what_was_tried_only_and_does_not_repeat_what_runs() -> None:
    tried = [Tried(chosen := Random(_RANGES, n).choose(n, []), _objective(chosen)) for n in range(4)]
    strategy = Bayesian(_RANGES, 5, "maximize")
    fourth = strategy.choose(4, tried)
    assert strategy.choose(4, tried) == fourth
    assert strategy.choose(4, [*tried, Tried(fourth, None)]) != fourth


def test_a_smaller_objective_is_sought_where_it_is_to_be_minimized() -> None:
    tried: list[Tried] = []
    strategy = Bayesian(_RANGES, 1, "minimize")
    for number in range(10):
        chosen = strategy.choose(number, tried)
        tried.append(Tried(chosen, -_objective(chosen)))
    first, last = tried[:3], tried[-3:]
    assert fmean(item.objective or 0 for item in last) < fmean(item.objective or 0 for item in first)


def test_a_grid_has_each_combination_once() -> None:
    values = {
        "CategoricalParameterRanges": [
            {"Name": "a", "Values": ["1", "2"]},
            {"Name": "b", "Values": ["x", "y"]},
        ]
    }
    grid = Grid(read_ranges(values))
    assert [grid.choose(number, []) for number in range(4)] == [
        {"a": "1", "b": "x"},
        {"a": "1", "b": "y"},
        {"a": "2", "b": "x"},
        {"a": "2", "b": "y"},
    ]


_COMPLETED = [[0.1, 0.3, 0.5, 0.7], [0.2, 0.4, 0.6, 0.8], [0.3, 0.5, 0.7, 0.9]]


@pytest.mark.parametrize(
    ("values", "completed", "stopped"),
    [
        ([0.29, 0.29], _COMPLETED, True),  # the median of the averages of two epochs is 0.3
        ([0.1, 0.31], _COMPLETED, False),
        ([0.19], _COMPLETED, True),
        ([0.29, 0.29], _COMPLETED[:2], False),
        ([0.01], [epochs * 2 for epochs in _COMPLETED], False),  # 1 epoch of 8 is too soon
        ([0.01, 0.01], [epochs * 2 for epochs in _COMPLETED], True),
        ([0.9], [[], [], []], False),
        ([], _COMPLETED, False),
        ([0.3] * 6, _COMPLETED, True),  # longer than those before: they count whole
    ],
)
def test_a_job_below_the_median_of_running_averages_is_stopped(
    values: list[float], completed: list[list[float]], stopped: bool
) -> None:
    assert hopeless(values, completed, maximize=True) is stopped
    turned = [[-value for value in epochs] for epochs in completed]
    assert hopeless([-value for value in values], turned, maximize=False) is stopped
