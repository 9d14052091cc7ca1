"""What CloudWatch takes from ministack: the log events, the metrics of its services, how policies weigh.

ministack keeps log groups and their metric filters, but never counts by them; its own CloudWatch evaluates
alarms without dimensions, metric math or missing data, and is not used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.cloud.errors import AwsError
from local.cloud.touchpoints import Touchpoint, check_touchpoints, module

TOUCHPOINTS = (
    Touchpoint(
        "ministack.services.cloudwatch_logs",
        "_fanout_to_subscription_filters",
        ("group_name", "stream_name", "events"),
    ),
    Touchpoint("ministack.services.cloudwatch_logs", "_metric_filters"),
    Touchpoint("ministack.services.cloudwatch_logs", "_put_metric_filter", ("data",)),
    Touchpoint("ministack.services.cloudwatch_logs", "error_response_json", ("code", "message", "status")),
    Touchpoint(
        "ministack.services.cloudwatch", "record_metric",
        ("namespace", "metric_name", "value", "unit", "dimensions"),
    ),
    Touchpoint("ministack.core.iam_evaluator", "EvalContext", ("principal_arn", "principal_type")),
    Touchpoint("ministack.core.iam_evaluator", "evaluate_resource_policy", ("doc", "ctx", "service")),
    Touchpoint("ministack.core.responses", "get_account_id"),
)  # fmt: skip

Filter = Mapping[str, Any]  # as DescribeMetricFilters has it
LogListener = Callable[[Sequence[Filter], Sequence[Mapping[str, Any]]], None]  # filters, events of one batch
MetricListener = Callable[[str, str, float, str, Mapping[str, str]], None]


def check() -> None:
    """Raise LocalCloudError, naming the touchpoint, when ministack is not as expected."""
    check_touchpoints(TOUCHPOINTS)


def on_log_events(account: str, listener: LogListener) -> None:
    """Tell `listener` of what is put into the account's log groups that have metric filters."""
    logs = module("services.cloudwatch_logs")
    original = logs._fanout_to_subscription_filters

    @functools.wraps(original)
    def fanout(group_name: str, stream_name: str, events: Sequence[Mapping[str, Any]]) -> Any:
        if _account() == account:
            filters = [item for (group, _), item in list(logs._metric_filters.items()) if group == group_name]
            if filters:
                listener(filters, events)
        return original(group_name, stream_name, events)

    logs._fanout_to_subscription_filters = fanout


def on_metric_filter(account: str, may_put: Callable[[Filter], None]) -> None:
    """Let `may_put` refuse, by AwsError, a metric filter that is put into the account."""
    logs = module("services.cloudwatch_logs")
    original = logs._put_metric_filter

    @functools.wraps(original)
    def put(data: Filter) -> Any:
        try:
            if _account() == account:
                may_put(data)
        except AwsError as error:
            return logs.error_response_json(error.code, error.message, error.status)
        return original(data)

    logs._put_metric_filter = put


def on_service_metric(account: str, listener: MetricListener) -> None:
    """Tell `listener` of each value that ministack's services give their metrics in the account."""
    metrics = module("services.cloudwatch")
    original = metrics.record_metric

    @functools.wraps(original)
    def record(
        namespace: str, metric_name: str, value: float, unit: str = "None",
        dimensions: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        if _account() == account:
            listener(namespace, metric_name, float(value), unit, dimensions or {})
        else:
            original(namespace, metric_name, value, unit, dimensions)

    metrics.record_metric = record


def service_may(
    service: str, action: str, resource: str, policy: str, region: str, context: Mapping[str, str]
) -> bool:
    """Tell whether a resource's policy lets an AWS service ("cloudwatch.amazonaws.com") do `action`."""
    evaluator = module("core.iam_evaluator")
    asked = evaluator.EvalContext(
        principal_arn=service, principal_type="Service", principal_account="", action=action,
        resource_arn=resource, region=region, secure_transport=True,
        service_context={key.lower(): value for key, value in context.items()},
    )  # fmt: skip
    return bool(evaluator.evaluate_resource_policy(policy, asked, service=service).decision == "Allow")


def _account() -> str:
    return str(module("core.responses").get_account_id())
