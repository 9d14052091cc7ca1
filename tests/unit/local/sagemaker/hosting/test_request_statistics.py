from __future__ import annotations

from local.sagemaker.hosting.request_statistics import Statistics


def test_requests_are_counted_by_variant_and_by_fleet() -> None:
    statistics = Statistics()
    for milliseconds in (10, 20, 30):
        statistics.count("line", "AllTraffic", "blue", milliseconds, failed=False)
    statistics.count("line", "AllTraffic", "green", 5, failed=True)
    statistics.count("other", "AllTraffic", "blue", 1, failed=False)
    counted = statistics.of("line")
    assert (counted["requests"], counted["errors"], counted["p50_ms"]) == (4, 1, 20)
    assert {name: fleet["requests"] for name, fleet in counted["fleets"].items()} == {"blue": 3, "green": 1}
    assert counted["fleets"]["green"]["errors"] == 1
    assert counted["variants"]["AllTraffic"]["requests"] == 4


def test_the_timeline_tells_when_which_fleet_answered() -> None:
    time = [100.2]
    statistics = Statistics(lambda: time[0])
    statistics.count("line", "all", "blue", 1, failed=False)
    statistics.count("line", "all", "blue", 1, failed=False)
    time[0] = 101.9
    statistics.count("line", "all", "blue", 1, failed=True)
    statistics.count("line", "all", "green", 1, failed=False)
    assert [tuple(entry.values()) for entry in statistics.timeline("line")] == [
        (100, "all", "blue", 2, 0),
        (101, "all", "blue", 1, 1),
        (101, "all", "green", 1, 0),
    ]


def test_nothing_is_known_of_what_was_never_asked() -> None:
    statistics = Statistics()
    assert statistics.of("line") == {
        "requests": 0, "errors": 0, "p50_ms": None, "p95_ms": None, "variants": {}, "fleets": {}
    }  # fmt: skip
    assert statistics.timeline("line") == []
