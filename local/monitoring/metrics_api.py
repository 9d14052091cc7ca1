"""CloudWatch's operations on metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.monitoring.alarm import Watched, metric_of, queries_of
from local.monitoring.expression import Expression
from local.monitoring.metrics import Metric, Metrics
from local.monitoring.pages import page
from local.monitoring.statistics import Point, check_statistic, statistic_of

_LISTED = 500
_DATA_POINTS = 1440
_QUERIED_POINTS = 100_800


class MetricsApi:
    """Serves PutMetricData and what reads metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def put_metric_data(self, call: Call, **request: Any) -> None:
        """Serve PutMetricData."""
        if request.get("EntityMetricData"):
            raise AwsError("ValidationError", "The local CloudWatch serves no EntityMetricData")
        namespace = request["Namespace"]
        if namespace.startswith("AWS/"):
            raise AwsError(
                "InvalidParameterValue", 'The value AWS/ for parameter Namespace is reserved: "AWS/..."'
            )
        for datum in request.get("MetricData", ()):
            metric = metric_of({**datum, "Namespace": namespace})
            points = list(_points(datum, self._metrics.clock()))
            if not all(math.isfinite(point.total) for point in points):
                raise AwsError("InvalidParameterValue", f"{metric.name}: a value is not a finite number")
            self._metrics.put(metric, points)

    def list_metrics(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve ListMetrics."""
        wanted = {item["Name"]: item.get("Value") for item in request.get("Dimensions", ())}
        found = [
            metric
            for metric in self._metrics.known()
            if request.get("Namespace", metric.namespace) == metric.namespace
            and request.get("MetricName", metric.name) == metric.name
            and _has(metric, wanted)
        ]
        answer, token = page([_described(metric) for metric in found], _LISTED, request.get("NextToken"))
        return {"Metrics": answer, "NextToken": token}

    def get_metric_statistics(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve GetMetricStatistics; periods without data points are left out."""
        names = [*request.get("Statistics", ()), *request.get("ExtendedStatistics", ())]
        if not names:
            raise AwsError("InvalidParameterCombination", "Statistics or ExtendedStatistics is needed")
        for name in names:
            check_statistic(name)
        metric, unit = metric_of(request), request.get("Unit")
        found = []
        for start, end in _periods(request, request["Period"], _DATA_POINTS):
            points = self._metrics.points(metric, start, end, unit)
            if points:
                found.append(_data_point(start, points, request))
        return {"Label": request["MetricName"], "Datapoints": found}

    def get_metric_data(self, call: Call, **request: Any) -> dict[str, Any]:
        """Serve GetMetricData, expressions too."""
        watched, expressions = queries_of(request["MetricDataQueries"])
        stats = [query["MetricStat"] for query in request["MetricDataQueries"] if "MetricStat" in query]
        periods = {stat["Period"] for stat in stats}
        if len(periods) != 1:
            raise AwsError("ValidationError", f"All metrics need one period here, not {sorted(periods)}")
        times = list(_periods(request, periods.pop(), _QUERIED_POINTS))
        if request.get("ScanBy", "TimestampDescending") == "TimestampDescending":
            times.reverse()
        values = [_of_period(self._metrics, watched, expressions, *time) for time in times]
        results = [
            _result(query, times, [value[query["Id"]] for value in values])
            for query in request["MetricDataQueries"]
            if query.get("ReturnData", True)
        ]
        return {"MetricDataResults": results, "Messages": []}


def _points(datum: Mapping[str, Any], now: float) -> Iterator[Point]:
    at = datum["Timestamp"].timestamp() if "Timestamp" in datum else now
    unit = datum.get("Unit", "None")
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        yield Point(at, given["Sum"], given["SampleCount"], given["Minimum"], given["Maximum"], unit)
    elif "Values" in datum:
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        if len(counts) != len(datum["Values"]):
            raise AwsError("InvalidParameterValue", "Values and Counts must have the same length")
        for value, count in zip(datum["Values"], counts, strict=True):
            yield Point.of(at, value, count, unit)
    elif "Value" in datum:
        yield Point.of(at, datum["Value"], 1.0, unit)
    else:
        raise AwsError(
            "MissingParameter", f"{datum['MetricName']}: Value, Values or StatisticValues is needed"
        )


def _periods(request: Mapping[str, Any], period: int, most: int) -> Iterator[tuple[float, float]]:
    """Give the start and the end of each period between the request's StartTime and EndTime."""
    start = request["StartTime"].timestamp() // period * period
    end = request["EndTime"].timestamp()
    if start >= end:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime")
    if (end - start) / period > most:
        raise AwsError("InvalidParameterCombination", f"More than {most} data points are asked for")
    while start < end:
        # What is put at a full second counts to the period that begins with it.
        yield start - 1e-6, min(start + period, end) - 1e-6
        start += period


def _data_point(start: float, points: Sequence[Point], request: Mapping[str, Any]) -> dict[str, Any]:
    simple = {name: statistic_of(name, points) for name in request.get("Statistics", ())}
    extended = {name: statistic_of(name, points) for name in request.get("ExtendedStatistics", ())}
    known = {name: value for name, value in extended.items() if value is not None}
    made = {"Timestamp": _moment(start), "Unit": points[0].unit, **simple}
    return {**made, "ExtendedStatistics": known} if known else made


def _of_period(
    metrics: Metrics, watched: Mapping[str, Watched], expressions: Mapping[str, Expression],
    start: float, end: float,
) -> dict[str, float | None]:  # fmt: skip
    values = {
        name: metrics.statistic(item.metric, item.statistic, start, end, item.unit)
        for name, item in watched.items()
    }
    waiting = dict(expressions)
    while waiting:
        name = next(name for name, expression in waiting.items() if expression.names <= values.keys())
        values[name] = waiting.pop(name).evaluate(values)
    return values


def _result(
    query: Mapping[str, Any], times: Sequence[tuple[float, float]], values: Sequence[float | None]
) -> dict[str, Any]:
    there = [(time, value) for (time, _), value in zip(times, values, strict=True) if value is not None]
    return {
        "Id": query["Id"],
        "Label": query.get("Label")
        or query.get("MetricStat", {}).get("Metric", {}).get("MetricName", query["Id"]),
        "Timestamps": [_moment(time) for time, _ in there],
        "Values": [value for _, value in there],
        "StatusCode": "Complete",
    }


def _described(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _has(metric: Metric, wanted: Mapping[str, str | None]) -> bool:
    dimensions = dict(metric.dimensions)
    return all(name in dimensions and value in (None, dimensions[name]) for name, value in wanted.items())


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(round(at), UTC)
