"""What an alarm watches: the configuration that PutMetricAlarm takes, checked, and its value in a period."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.cloud.errors import AwsError
from local.monitoring.expression import Expression, parse
from local.monitoring.metrics import KEPT_SECONDS, Metric, Metrics
from local.monitoring.statistics import check_statistic

Settings = Mapping[str, Any]

_UNSERVED = ("ThresholdMetricId", "EvaluationWindow", "WarmUpConfiguration", "EvaluationCriteria",
             "EvaluationInterval")  # fmt: skip
_SHORT_PERIODS = (10, 20, 30)
_COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": ("greater than", operator.gt),
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", operator.ge),
    "LessThanThreshold": ("less than", operator.lt),
    "LessThanOrEqualToThreshold": ("less than or equal to", operator.le),
}
_ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")
_TOPICS = "arn:aws:sns:"
_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")


@dataclass(frozen=True)
class Watched:
    """A statistic of a metric."""

    metric: Metric
    statistic: str
    unit: str | None


@dataclass(frozen=True)
class Alarm:
    """An alarm's rule; `settings` are PutMetricAlarm's parameters as they were given."""

    name: str
    settings: Settings
    period: int
    periods: int
    to_alarm: int
    threshold: float
    missing: str
    watched: Mapping[str, Watched]
    expressions: Mapping[str, Expression]
    result: str  # which of the watched or of the expressions is compared

    @property
    def comparison(self) -> str:
        """The comparison in words."""
        return _COMPARISONS[self.settings["ComparisonOperator"]][0]

    def breaches(self, value: float) -> bool:
        """Tell whether a value is on the wrong side of the threshold."""
        return _COMPARISONS[self.settings["ComparisonOperator"]][1](value, self.threshold)

    def value(self, metrics: Metrics, after: float, until: float) -> float | None:
        """Return what is compared, of one period; None where it has no data point."""
        return self._value(self.result, metrics, after, until)

    def _value(self, name: str, metrics: Metrics, after: float, until: float) -> float | None:
        if name in self.watched:
            watched = self.watched[name]
            return metrics.statistic(watched.metric, watched.statistic, after, until, watched.unit)
        expression = self.expressions[name]
        values = {used: self._value(used, metrics, after, until) for used in expression.names}
        return expression.evaluate(values)


def alarm_of(settings: Settings) -> Alarm:
    """Return the alarm that PutMetricAlarm's parameters describe; AwsError says what is wrong with them."""
    _refuse_unserved(settings)
    if settings.get("Metrics"):
        period, watched, expressions, result = _of_queries(settings)
    else:
        period, watched = _of_one_metric(settings)
        expressions, result = {}, "m"
    periods = settings["EvaluationPeriods"]
    to_alarm = settings.get("DatapointsToAlarm", periods)
    _check_times(period, periods, to_alarm)
    if "Threshold" not in settings:
        raise _wrong("The parameter Threshold is required")
    return Alarm(
        settings["AlarmName"], settings, period, periods, to_alarm, float(settings["Threshold"]),
        settings.get("TreatMissingData", "missing"), watched, expressions, result,
    )  # fmt: skip


def check_actions(settings: Settings, served: Sequence[str]) -> None:
    """Raise AwsError for an action that is neither a topic nor begins as one of `served` does."""
    for action in (action for name in _ACTIONS for action in settings.get(name, ())):
        if not action.startswith((_TOPICS, *served)):
            known = ", ".join([_TOPICS, *served])
            raise _wrong(f"The local CloudWatch takes actions of {known} only, not {action}")


def _refuse_unserved(settings: Settings) -> None:
    for name in _UNSERVED:
        if settings.get(name):
            raise _wrong(f"The local CloudWatch does not serve {name}")
    if settings.get("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate":
        raise _wrong("The local CloudWatch evaluates percentiles of few samples too")
    if settings["ComparisonOperator"] not in _COMPARISONS:
        raise _wrong(f"The local CloudWatch does not serve {settings['ComparisonOperator']}: it has no bands")
    if settings.get("TreatMissingData", "missing") not in ("missing", "ignore", "breaching", "notBreaching"):
        raise _wrong(f"TreatMissingData: {settings['TreatMissingData']!r} is not one of its values")


def _of_one_metric(settings: Settings) -> tuple[int, dict[str, Watched]]:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in settings:
            raise _wrong(f"The parameter {name} is required for an alarm on one metric")
    statistic = settings.get("Statistic") or settings.get("ExtendedStatistic")
    if not statistic or ("Statistic" in settings and "ExtendedStatistic" in settings):
        raise _wrong("Exactly one of Statistic and ExtendedStatistic is needed")
    check_statistic(statistic)
    return settings["Period"], {"m": Watched(metric_of(settings), statistic, settings.get("Unit"))}


def _of_queries(settings: Settings) -> tuple[int, dict[str, Watched], dict[str, Expression], str]:
    given = [name for name in _ONE_METRIC if settings.get(name)]
    if given:
        raise _wrong(f"Metrics cannot be given together with {', '.join(given)}")
    watched, expressions = queries_of(settings["Metrics"])
    results = [query["Id"] for query in settings["Metrics"] if query.get("ReturnData", True)]
    if len(results) != 1:
        raise _wrong("Exactly one element of the metrics list should return data")
    periods = {query["MetricStat"]["Period"] for query in settings["Metrics"] if "MetricStat" in query}
    if len(periods) != 1:
        raise _wrong(f"All metrics of an alarm have one period, not {sorted(periods)}")
    return periods.pop(), watched, expressions, results[0]


def queries_of(queries: Sequence[Settings]) -> tuple[dict[str, Watched], dict[str, Expression]]:
    """Return the metrics and the expressions of MetricDataQueries, by their ids."""
    watched: dict[str, Watched] = {}
    expressions: dict[str, Expression] = {}
    for query in queries:
        name, stat = query["Id"], query.get("MetricStat")
        if name in watched or name in expressions:
            raise _wrong(f"The id {name} is given twice")
        if (stat is None) == ("Expression" not in query) or query.get("AccountId"):
            raise _wrong(f"{name}: either a MetricStat of this account or an Expression is needed")
        if stat is None:
            expressions[name] = parse(query["Expression"])
            continue
        check_statistic(stat["Stat"])
        watched[name] = Watched(metric_of(stat["Metric"]), stat["Stat"], stat.get("Unit"))
    _check_names(watched, expressions)
    return watched, expressions


def _check_names(watched: Mapping[str, Watched], expressions: Mapping[str, Expression]) -> None:
    """Refuse an expression of what is not there, or of itself."""
    known = set(watched)
    waiting = dict(expressions)
    while waiting:
        ready = [name for name, expression in waiting.items() if expression.names <= known]
        if not ready:
            name, expression = next(iter(waiting.items()))
            unknown = sorted(expression.names - known)
            raise _wrong(f"Expression {name}, {expression.text!r}, uses {', '.join(unknown)}: not there")
        known.update(ready)
        for name in ready:
            del waiting[name]


def metric_of(given: Settings) -> Metric:
    """Return the metric of parameters that name one."""
    dimensions = {item["Name"]: item["Value"] for item in given.get("Dimensions") or ()}
    return Metric.of(given.get("Namespace", ""), given.get("MetricName", ""), dimensions)


def _check_times(period: int, periods: int, to_alarm: int) -> None:
    if period not in _SHORT_PERIODS and (period % 60 or not period):
        raise _wrong(f"Period {period} is not 10, 20, 30 or a multiple of 60")
    if not 1 <= to_alarm <= periods:
        raise _wrong(f"DatapointsToAlarm {to_alarm} is not between 1 and EvaluationPeriods, {periods}")
    if period * periods > KEPT_SECONDS:
        hours = KEPT_SECONDS / 3600
        raise _wrong(f"The local CloudWatch keeps data points for {hours:.0f} hours: look less far back")


def _wrong(message: str) -> AwsError:
    return AwsError("ValidationError", message)
