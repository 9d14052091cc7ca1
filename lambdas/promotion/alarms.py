"""The alarms that guard an endpoint: failed requests, slow answers, answers that are unlike the test's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from lambdas.promotion.endpoints import VARIANT
from lambdas.promotion.settings import EndpointSettings

PERIOD_SECONDS = 60
# Under so many requests in a period, a share or a mean says nothing.
_FEWEST_REQUESTS = 20
_OF_A_FLEET = ("errors", "latency")
_DRIFTS = {"empty": ("empty_share", "EmptyAnswers"), "score": ("mean_score", "Score")}


@dataclass(frozen=True)
class Ringing:
    """An alarm that is on, since when (ISO), and why."""

    name: str
    at: str
    reason: str


def names(settings: EndpointSettings) -> list[str]:
    """Name all alarms that an endpoint may have."""
    return [f"{settings.own_name}-{kind}" for kind in (*_OF_A_FLEET, *_DRIFTS)]


def put(
    cloudwatch: Any,
    settings: EndpointSettings,
    *,
    config: str | None,
    registered: Sequence[Mapping[str, float]],
    topic: str | None,
) -> list[str]:
    """Set the alarms for what serves, or is about to; return their names.

    `registered` are the values of the release, or of both releases while one takes over from the other: an
    answer may then be like either's. An alarm without a value to compare with is taken away. An endpoint that
    nobody watches has no alarms.
    """
    if not settings.watched:
        return []
    made = definitions(settings, config=config, registered=registered)
    actions = {"AlarmActions": [topic], "OKActions": [topic]} if topic else {}
    for alarm in made:
        cloudwatch.put_metric_alarm(**alarm, **actions)
    kept = [str(alarm["AlarmName"]) for alarm in made]
    delete(cloudwatch, [name for name in names(settings) if name not in kept])
    return kept


def remove(cloudwatch: Any, settings: EndpointSettings) -> None:
    """Take all alarms of an endpoint away; it is gone, or not watched any more."""
    if settings.watched:
        delete(cloudwatch, names(settings))


def delete(cloudwatch: Any, alarms: Sequence[str]) -> None:
    """Delete those of the alarms that are there."""
    for alarm in alarms:
        try:
            cloudwatch.delete_alarms(AlarmNames=[alarm])
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ResourceNotFound", "ResourceNotFoundException"):
                raise


def ringing(cloudwatch: Any, alarms: Sequence[str]) -> list[Ringing]:
    """List those of the alarms that are on."""
    if not alarms:
        return []
    found = cloudwatch.describe_alarms(AlarmNames=list(alarms), StateValue="ALARM")["MetricAlarms"]
    return [
        Ringing(
            name=alarm["AlarmName"],
            at=alarm["StateUpdatedTimestamp"].isoformat(timespec="seconds"),
            reason=alarm.get("StateReason", ""),
        )
        for alarm in found
    ]


def forget(cloudwatch: Any, settings: EndpointSettings, rang: Sequence[Ringing]) -> list[Ringing]:
    """Reset the alarms that watch a new fleet from now on; what they say is of the old one. Return the rest.

    CloudWatch keeps an alarm's state until it looks again, also where the alarm was moved meanwhile.
    """
    moved = [f"{settings.own_name}-{kind}" for kind in _OF_A_FLEET]
    for alarm in rang:
        if alarm.name in moved:
            reason = "It watches the new fleet from now on."
            cloudwatch.set_alarm_state(AlarmName=alarm.name, StateValue="OK", StateReason=reason)
    return [alarm for alarm in rang if alarm.name not in moved]


def definitions(
    settings: EndpointSettings, *, config: str | None, registered: Sequence[Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Describe the alarms as PutMetricAlarm takes them."""
    by_service = [
        (
            "errors",
            {"MetricName": "Invocation5XXErrors", "Statistic": "Average"},
            settings.error_percent / 100,
        ),
        ("latency", {"MetricName": "ModelLatency", "ExtendedStatistic": "p95"}, settings.p95_ms * 1000.0),
    ]
    dimensions = _dimensions(settings, config)
    made = [
        {
            **_alarm(settings, kind, threshold),
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Period": PERIOD_SECONDS,
            **metric,
        }
        for kind, metric, threshold in by_service
    ]
    for kind, (key, metric) in _DRIFTS.items():
        values = [release[key] for release in registered if key in release]
        if values:
            made.append(_drift(settings, kind, metric, values))
    return made


def _dimensions(settings: EndpointSettings, config: str | None) -> dict[str, str]:
    """Of a blue/green update only the new fleet counts: the old one's faults are not the new release's."""
    if settings.component_name is not None:
        return {"InferenceComponentName": settings.component_name}
    whole = {"EndpointName": settings.name, "VariantName": VARIANT}
    return {**whole, "EndpointConfigName": config} if settings.kind == "realtime" and config else whole


def _alarm(settings: EndpointSettings, kind: str, threshold: float) -> dict[str, Any]:
    return {
        "AlarmName": f"{settings.own_name}-{kind}",
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": threshold,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
    }


def _drift(settings: EndpointSettings, kind: str, metric: str, values: Iterable[float]) -> dict[str, Any]:
    """How far the period's mean is from what was registered; with two values, from the middle of them."""
    low, high = min(values), max(values)
    middle, half = (low + high) / 2, (high - low) / 2
    expression = f"IF(requests >= {_FEWEST_REQUESTS}, ABS(value - {middle:.6f}), 0)"
    namespace = f"Edgeline/{settings.own_name}"
    return {
        **_alarm(settings, kind, round(half + settings.drift, 6)),
        "AlarmDescription": f"{metric} of a minute against {low:g} to {high:g}, as registered",
        "Metrics": [
            _statistic("value", namespace, metric, "Average"),
            _statistic("requests", namespace, "EmptyAnswers", "SampleCount"),
            {"Id": "drift", "Expression": expression, "Label": f"drift of {metric}", "ReturnData": True},
        ],
    }


def _statistic(identifier: str, namespace: str, metric: str, statistic: str) -> dict[str, Any]:
    return {
        "Id": identifier,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric},
            "Period": PERIOD_SECONDS,
            "Stat": statistic,
        },
        "ReturnData": False,
    }
