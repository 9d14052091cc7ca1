"""How the hyperparameters of the next training job are chosen."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from local.sagemaker.tuning.ranges import Category, Range

Chosen = dict[str, str]  # each tuned hyperparameter's value, as text
_RANDOM_FIRST = 3


@dataclass(frozen=True)
class Tried:
    """What is known of a training job: its hyperparameters and, once it has one, its objective."""

    chosen: Mapping[str, str]
    objective: float | None


class Strategy(Protocol):
    """Chooses hyperparameters; AWS's name of it is the request's `Strategy`."""

    def choose(self, number: int, tried: Sequence[Tried]) -> Chosen:
        """Give the hyperparameters of the training job with a number, counted from 0."""


class Random:
    """Evenly over each range. What is chosen depends on the seed and the job's number, on nothing else."""

    def __init__(self, ranges: Sequence[Range], seed: int) -> None:
        self._ranges, self._seed = ranges, seed

    def choose(self, number: int, tried: Sequence[Tried]) -> Chosen:
        """Give the hyperparameters of a training job."""
        return {
            item.name: item.text(random.Random(f"{self._seed}/{number}/{item.name}").random())  # noqa: S311
            for item in self._ranges
        }


class Grid:
    """Every combination of categories, once."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        named = [
            [(item.name, value) for value in item.values] for item in ranges if isinstance(item, Category)
        ]
        self.combinations: list[Chosen] = [dict(pairs) for pairs in itertools.product(*named)]

    def choose(self, number: int, tried: Sequence[Tried]) -> Chosen:
        """Give the combination with a number."""
        return self.combinations[number]


class Bayesian:
    """Where a Gaussian process over what was tried expects the best improvement; the first are random.

    Jobs that still run count as tried without a result, so that no two try the same.
    """

    def __init__(
        self, ranges: Sequence[Range], seed: int, direction: Literal["maximize", "minimize"]
    ) -> None:
        self._ranges, self._seed, self._direction = ranges, seed, direction
        self._random = Random(ranges, seed)

    def choose(self, number: int, tried: Sequence[Tried]) -> Chosen:
        """Give the hyperparameters of a training job."""
        if sum(item.objective is not None for item in tried) < _RANDOM_FIRST:
            return self._random.choose(number, tried)
        study = self._study(number, tried)
        units: dict[str, Any] = study.ask(self._distributions()).params
        return {
            item.name: units[item.name] if isinstance(item, Category) else item.text(units[item.name])
            for item in self._ranges
        }

    def _study(self, number: int, tried: Sequence[Tried]) -> Any:
        # Here, not above: it loads torch, which no other part of the local cloud needs.
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.GPSampler(seed=self._seed + number, n_startup_trials=0)
        study = optuna.create_study(sampler=sampler, direction=self._direction)
        states = optuna.trial.TrialState
        for item in tried:
            study.add_trial(
                optuna.trial.create_trial(
                    params=self._units(item.chosen),
                    distributions=self._distributions(),
                    value=item.objective,
                    state=states.RUNNING if item.objective is None else states.COMPLETE,
                )
            )
        return study

    def _units(self, chosen: Mapping[str, str]) -> dict[str, Any]:
        return {
            item.name: chosen[item.name] if isinstance(item, Category) else item.unit(chosen[item.name])
            for item in self._ranges
        }

    def _distributions(self) -> dict[str, Any]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        return {
            item.name: CategoricalDistribution(item.values)
            if isinstance(item, Category)
            else FloatDistribution(0.0, 1.0)
            for item in self._ranges
        }
