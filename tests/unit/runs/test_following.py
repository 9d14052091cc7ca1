from typing import Any

from runs.__main__ import parse
from runs.following import follow, outcome


def run(status: str, *, ended: bool = False, **more: Any) -> dict[str, Any]:
    return {"status": status, "ended": ended, "stages": [], "training": None, "model_package": None, **more}


def stage(status: str) -> dict[str, str]:
    return {"stage": "Run", "action": "Build", "status": status}


def steps(**statuses: str) -> dict[str, Any]:
    return {"steps": [{"step": name, "status": status} for name, status in statuses.items()]}


def test_what_is_new_is_said_once() -> None:
    looks = [
        run("starting", stages=[stage("InProgress")]),
        run("starting", stages=[stage("InProgress")]),
        run("training", stages=[stage("Succeeded")], training=steps(Prepare="Executing")),
        run("training", stages=[stage("Succeeded")], training=steps(Prepare="Succeeded", Train="Executing")),
        run("failed", ended=True, stages=[stage("Succeeded")], training=steps(Train="Failed"), reason="no"),
    ]
    said: list[str] = []
    slept: list[float] = []
    ended = follow(lambda: looks.pop(0), said.append, slept.append)
    assert ended["status"] == "failed"
    assert said == [
        "Run / Build: InProgress", "Run / Build: Succeeded", "Prepare: Executing", "Prepare: Succeeded",
        "Train: Executing", "Train: Failed",
    ]  # fmt: skip
    assert slept == [2, 3, 2, 2], "looked at more seldom while nothing changes"


def test_a_long_training_is_looked_at_every_twenty_seconds() -> None:
    looks = [run("training") for _ in range(20)] + [run("succeeded", ended=True)]
    slept: list[float] = []
    follow(lambda: looks.pop(0), lambda _: None, slept.append)
    assert slept[-1] == 20


def test_the_outcome_is_one_line() -> None:
    assert (
        outcome(run("succeeded", model_package="arn:4", reason=None)) == "succeeded: arn:4 waits for approval"
    )
    assert outcome(run("nothing_started", reason="there are no labels yet")) == (
        "nothing started: there are no labels yet"
    )
    assert outcome(run("stopped", reason=None)) == "stopped"


def test_children_are_named_with_their_versions() -> None:
    given = ["start", "--api", "https://x", "--model", "species", "--children", "flowers=3,trees=12"]
    assert parse(given).children == {"flowers": 3, "trees": 12}
