from __future__ import annotations

from typing import Any

import pytest

from local.cloud.errors import AwsError
from local.greengrass.identity import allowed

TOPIC = "arn:aws:iot:eu-west-1:000000000000:topic/edgeline"


def policy(effect: str, resource: Any, action: Any = "iot:Publish", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([], False),
        ([policy("Allow", f"{TOPIC}/press/*")], True),
        ([policy("Allow", f"{TOPIC}/${{iot:Connection.Thing.ThingName}}/*")], True),
        ([policy("Allow", f"{TOPIC}/other/*")], False),
        ([policy("Allow", ["x", "*"], ["iot:Connect", "iot:*"])], True),
        ([policy("Allow", "*", "iot:Connect")], False),
        ([policy("Allow", "*"), policy("Deny", f"{TOPIC}/press/health")], False),
        ([policy("Allow", "*", Condition={"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}})], True),
        ([policy("Allow", "*", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "false"}})], False),
    ],
)
def test_iot_policies(policies: list[dict[str, Any]], expected: bool) -> None:
    assert allowed(policies, "iot:Publish", f"{TOPIC}/press/health", "press") is expected


def test_a_condition_that_is_not_known_is_refused_by_name() -> None:
    unknown = policy("Allow", "*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    with pytest.raises(AwsError, match="IpAddress on aws:SourceIp is not served"):
        allowed([unknown], "iot:Publish", TOPIC, "press")
