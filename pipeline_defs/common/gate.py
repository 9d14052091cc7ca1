"""The end of a pipeline: what measures well enough is registered, and the run of anything else fails."""

from sagemaker.core.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThanOrEqualTo,
    ConditionLessThan,
)
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterString
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.steps import ProcessingStep

from pipeline_defs.common.jobs import file_of

_YES = "yes"


class Gate:
    """Holds a metric of the evaluation to `threshold`, a parameter of the pipeline as `register` is.

    `metric` is its name in the report that the evaluation leaves; `least` is the threshold's default.
    """

    def __init__(self, metric: str, *, least: float) -> None:
        self._metric, self._title = metric, metric.capitalize()
        self.threshold = ParameterFloat(f"{self._title}Threshold", default_value=least)
        self.register = ParameterString("Register", default_value=_YES, enum_values=[_YES, "no"])

    def steps(
        self, evaluate: ProcessingStep, report: PropertyFile, package: ModelStep
    ) -> list[ConditionStep]:
        """Register the package, or fail.

        A model that is only rebuilt, to compare it, is no candidate for a release. Two steps, since none may
        stand inside of another.
        """
        measured = JsonGet(step_name=evaluate.name, property_file=report, json_path=self._metric)
        for_release = ConditionEquals(left=self.register, right=_YES)
        enough = ConditionGreaterThanOrEqualTo(left=measured, right=self.threshold)
        too_little = ConditionLessThan(left=measured, right=self.threshold)
        return [
            ConditionStep(name, conditions=[for_release, condition], if_steps=[step], else_steps=[])
            for name, condition, step in (
                (f"Check{self._title}", enough, package),
                (f"RefuseLow{self._title}", too_little, self._too_low(evaluate)),
            )
        ]

    def _too_low(self, evaluate: ProcessingStep) -> FailStep:
        message = Join(
            on=" ",
            values=[
                f"Nothing is registered: {self._metric} in",
                file_of(evaluate, "evaluation", "evaluation.json"),
                f"is below the parameter {self.threshold.name}, which is",
                self.threshold,
            ],
        )
        return FailStep("MetricTooLow", error_message=message)
