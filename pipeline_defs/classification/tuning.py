"""How the pipeline tunes: what a trial is given, what it prints, and how the next one is chosen."""

from collections.abc import Mapping, Sequence

from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.workflow.parameters import ParameterInteger
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from pipeline_defs.classification.settings import Tuning

# Not top-1: short trials on some hundred pictures tie in it, and the first of them would win.
OBJECTIVE = "validation:loss"
# As train.py prints them, once an epoch.
METRICS = {
    name: {"name": name, "regex": f"{name}=([0-9.]+);"}
    for name in ("train:loss", "validation:top1", OBJECTIVE)
}
RANGES = ("learning-rate", "weight-decay", "width")
_STRATEGIES = {"random": "Random", "bayesian": "Bayesian"}


def tuner_of(
    tuning: Tuning,
    trainer: ModelTrainer,
    *,
    seed: ParameterInteger,
    tags: Sequence[Mapping[str, str]] | None,
) -> HyperparameterTuner:
    """Describe the tuning job; with the random strategy the same seed gives the same trials."""
    return HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name=OBJECTIVE,
        objective_type="Minimize",
        metric_definitions=[
            {"Name": metric["name"], "Regex": metric["regex"]} for metric in METRICS.values()
        ],
        hyperparameter_ranges={
            "learning-rate": _logarithmic(tuning.learning_rate),
            "weight-decay": _logarithmic(tuning.weight_decay),
            "width": IntegerParameter(*tuning.width),
        },
        strategy=_STRATEGIES[tuning.strategy],
        random_seed=seed,
        max_jobs=tuning.jobs,
        max_parallel_jobs=tuning.parallel,
        early_stopping_type="Auto" if tuning.early_stopping else "Off",
        tags=list(tags) if tags else None,
    )


def _logarithmic(low_high: tuple[float, float]) -> ContinuousParameter:
    return ContinuousParameter(*low_high, scaling_type="Logarithmic")
