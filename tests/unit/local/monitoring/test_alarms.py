"""How alarms change their states over time, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.cloud.errors import AwsError


def told(station: Any) -> list[tuple[str, str]]:
    return [(change.old.state, change.new.state) for change in station.changes]


def test_an_alarm_rings_with_its_reason_and_is_silent_once_the_period_slid_on(station: Any) -> None:
    station.alarm()
    found = station.alarms.find("a")
    assert (found.verdict.state, found.verdict.reason) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    station.put("m", 20.0)
    assert station.state() == "ALARM"
    reason = station.alarms.find("a").verdict.reason
    assert reason.startswith("Threshold Crossed: 1 out of the last 1 datapoints [20.0 (")
    assert reason.endswith("was greater than the threshold (10.0).")
    data = json.loads(station.alarms.find("a").verdict.data)
    assert (data["recentDatapoints"], data["statistic"], data["period"]) == ([20.0], "Average", 60)
    station.now += 60
    assert station.state() == "INSUFFICIENT_DATA"
    assert told(station) == [("INSUFFICIENT_DATA", "ALARM"), ("ALARM", "INSUFFICIENT_DATA")]


def test_nothing_is_told_while_the_state_stays(station: Any) -> None:
    station.alarm()
    for _ in range(30):
        station.put("m", 20.0)
        station.state()
        station.now += 1
    assert told(station) == [("INSUFFICIENT_DATA", "ALARM")]


def test_an_alarm_that_goes_on_ringing_is_told_again_each_minute(station: Any) -> None:
    station.alarm()
    for _ in range(150):
        station.put("m", 20.0)
        station.state()
        station.now += 1
    assert told(station) == [("INSUFFICIENT_DATA", "ALARM"), ("ALARM", "ALARM"), ("ALARM", "ALARM")]
    first, *repeated = station.changes
    assert first.old is not first.new
    assert all(change.old is change.new for change in repeated)
    assert repeated[0].new.breach == 10.0


def test_another_rule_keeps_the_state_until_it_is_evaluated(station: Any) -> None:
    station.put("m", 20.0)
    station.alarm()
    assert station.state() == "ALARM"
    station.alarm(Threshold=30.0)
    assert station.alarms.find("a").verdict.state == "ALARM"
    assert station.state() == "OK"


def test_a_state_that_is_set_is_told_and_holds_until_the_next_evaluation(station: Any) -> None:
    station.put("m", 1.0)
    station.alarm()
    assert station.state() == "OK"
    station.alarms.set_state("a", "ALARM", "a drill", "{}")
    assert station.alarms.find("a").verdict.reason == "a drill"
    assert station.state() == "OK"
    assert told(station)[-2:] == [("OK", "ALARM"), ("ALARM", "OK")]
    with pytest.raises(AwsError, match="ResourceNotFound"):
        station.alarms.set_state("b", "ALARM", "a drill", "{}")


def test_alarms_are_deleted_as_far_as_they_are_there(station: Any) -> None:
    station.alarm("a")
    station.alarm("b")
    with pytest.raises(AwsError, match="ResourceNotFound: c not found"):
        station.alarms.delete(["c", "a"])
    assert [watch.alarm.name for watch in station.alarms.watches()] == ["b"]
    station.alarms.delete(["b"])
    assert station.alarms.watches() == []
    station.put("m", 20.0)
    station.alarms.evaluate()
    assert station.changes == []


def test_the_history_has_the_latest_first(station: Any) -> None:
    station.put("m", 20.0)
    station.alarm()
    station.state()
    assert [(item.kind, item.summary) for item in station.alarms.history()] == [
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("ConfigurationUpdate", 'Alarm "a" created'),
    ]


def test_an_action_that_nobody_runs_is_refused_by_name(station: Any) -> None:
    station.alarm(AlarmActions=["arn:aws:sns:eu-west-1:1:topic"])
    with pytest.raises(AwsError, match="takes actions of arn:aws:sns: only, not arn:aws:lambda:x"):
        station.alarm(OKActions=["arn:aws:lambda:x"])
