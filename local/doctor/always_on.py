"""What of an endpoint bills while nobody calls: its instances, and the alarms that promotions put."""

from __future__ import annotations

from config_endpoint import Endpoint

# Of errors, latency, the share of empty answers and their score; the last two are reckoned from two each.
_GUARD_METRICS = 1 + 1 + 2 + 2
_TRACKING_ALARMS = 2  # of a scaling policy: too much, too little
_WAKING_ALARMS = 1


def idle_instances(endpoint: Endpoint) -> int:
    """Count the instances that run at all times."""
    if endpoint.kind == "serverless" or (endpoint.kind == "components" and endpoint.min_copies == 0):
        return 0
    return endpoint.instances


def alarm_metrics(endpoint: Endpoint, *, watched: bool) -> int:
    """Count the metrics that alarms look at: each bills by the month."""
    count = _GUARD_METRICS if watched else 0
    if endpoint.kind == "realtime" and endpoint.max_instances > endpoint.instances:
        count += _TRACKING_ALARMS
    if endpoint.kind == "components" and endpoint.max_copies > endpoint.min_copies:
        count += _TRACKING_ALARMS + (_WAKING_ALARMS if endpoint.min_copies == 0 else 0)
    return count
