"""AWS::CloudWatch::Alarm, by calls to the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloud.plugin import Attributes, Properties, ResourceContext

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


class AlarmType:
    """Metric alarms, metric math too."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Put the alarm."""
        return self._put(properties, properties.get("AlarmName") or context.physical_name(255))

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Put the alarm anew; under another name it is another one."""
        return self._put(new, new.get("AlarmName") or physical_id)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Delete the alarm; one that is gone already is no error."""
        if self._client().describe_alarms(AlarmNames=[physical_id])["MetricAlarms"]:
            self._client().delete_alarms(AlarmNames=[physical_id])

    def _put(self, properties: Properties, name: str) -> tuple[str, Attributes]:
        client = self._client()
        shape = client.meta.service_model.operation_model("PutMetricAlarm").input_shape
        client.put_metric_alarm(**_typed({**properties, "AlarmName": name}, shape))
        arn = client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
        return name, {"Arn": arn}

    def _client(self) -> Any:
        return self._cloud.root_session().client("cloudwatch")


def _typed(value: Any, shape: Any) -> Any:
    """Turn the text of a template into numbers and truths where the API wants them."""
    kind = shape.type_name
    if kind == "structure":
        return {name: _typed(item, shape.members[name]) for name, item in value.items()}
    if kind == "list":
        return [_typed(item, shape.member) for item in value]
    if not isinstance(value, str):
        return value
    if kind == "integer":
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    return value.lower() == "true" if kind == "boolean" else value
