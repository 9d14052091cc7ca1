"""What the tests of outcomes ask the line, and the moments at which they stop it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.promoted import Promotions
from waiting import eventually

_FASTER = (('"Seconds":5', '"Seconds":1'), ('"IntervalSeconds":20', '"IntervalSeconds":1'))


class Story:
    """The line, and what a test of these asks it."""

    def __init__(self, line: Promotions) -> None:
        self.line, self.good = line, line.good

    def life_cycle(self, package: str) -> tuple[str, str]:
        found = self.line.sagemaker.describe_model_package(ModelPackageName=package)["ModelLifeCycle"]
        return found["Stage"], found["StageStatus"]

    def ledger(self) -> list[str]:
        """The packages of the ledger, oldest first."""
        items = self.line.releases.scan(ConsistentRead=True)["Items"]
        return [str(item["package"]) for item in sorted(items, key=lambda item: str(item["promoted_at"]))]

    def forget_releases(self) -> None:
        for item in self.line.releases.scan(ConsistentRead=True)["Items"]:
            key = {"model": item["model"], "promoted_at": item["promoted_at"]}
            self.line.releases.delete_item(Key=key)

    def new_executions(self, before: set[str], number: int) -> list[dict[str, Any]]:
        """Wait until so many executions have been started and ended; in the order of their end."""
        found = eventually(lambda: len(new := set(self.line.executions()) - before) >= number and new)
        return sorted((self.line.ended(arn) for arn in found), key=lambda ended: ended["stopDate"])

    def stop(self, execution: str) -> None:
        self.line.deployed.states.stop_execution(executionArn=execution, cause="killed by a test")

    def recovery(self, killed: str) -> dict[str, Any]:
        """Wait for the end of the execution that mends what this one left."""
        name = killed.rpartition(":")[2]

        def look() -> str | None:
            for arn, found in self.line.executions().items():
                if found["name"].startswith("recovery-"):
                    given = self.line.deployed.states.describe_execution(executionArn=arn)["input"]
                    if json.loads(given)["cut_off"]["execution"] == name:
                        return arn
            return None

        return self.line.ended(eventually(look))


class Gate:
    """Code that says that it was reached, and waits there until it may go on."""

    def __init__(self, folder: Path) -> None:
        self._reached, self._open = folder / "reached", folder / "open"
        self.code = (
            f"import time; pathlib.Path({str(self._reached)!r}).touch()\n"
            f"while not pathlib.Path({str(self._open)!r}).exists(): time.sleep(0.05)"
        )
        # On one line, inside a function of the model.
        self.in_model = self.code.replace("\n", "\n    ")

    def reached(self) -> None:
        eventually(self._reached.exists)

    def open(self) -> None:
        self._open.touch()


@contextmanager
def story_of(line: Promotions) -> Iterator[Story]:
    """The line with a good model in both endpoints; afterwards somebody else's turn can come."""
    machine = line.deployed.machine_with
    with machine(line.machine, *_FASTER[0]), machine(line.machine, *_FASTER[1]):
        line.begin()
        yield Story(line)
        assert line.quiet()
        assert line.holder() is None, "the next promotion does not have to wait"


@contextmanager
def deaf(line: Promotions) -> Iterator[None]:
    """Let the rule of approvals hear nothing, as when an event is late."""
    rule = line.deployed.resource("promotion", "AWS::Events::Rule", "StartsApproval").rpartition("|")[2]
    line.events.disable_rule(Name=rule)
    try:
        yield
    finally:
        line.events.enable_rule(Name=rule)


@contextmanager
def last_call_takes(line: Promotions, *, seconds: int) -> Iterator[None]:
    """Let a killed holder's last call take no longer than that, in the eyes of who waits."""
    name = line.deployed.resource("promotion", "AWS::Lambda::Function", "WorkflowTurnsTakeTurn")
    functions = line.deployed.functions
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {"Variables": {**before, "CALL_SECONDS": str(seconds)}}
    functions.update_function_configuration(FunctionName=name, Environment=changed)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def turn_of(line: Promotions, execution: str) -> tuple[float, float] | None:
    """When an execution had the turn, until it gave it back; None for one that came too late."""
    pages = line.deployed.states.get_paginator("get_execution_history").paginate(executionArn=execution)
    entered = {
        event["stateEnteredEventDetails"]["name"]: event["timestamp"].timestamp()
        for page in pages
        for event in page["events"]
        if "stateEnteredEventDetails" in event
    }
    if "Forward or back?" not in entered:
        return None
    ends = [at for name, at in entered.items() if name.startswith("Give ")]
    return entered["Forward or back?"], ends[0]


def deliver(line: Promotions, package: str, time: str, event_id: str) -> dict[str, Any]:
    """Deliver the event of an approval to the function, as EventBridge does, at least once."""
    detail = {
        "ModelPackageArn": package,
        "ModelApprovalStatus": "Approved",
        "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    }
    event = {"id": event_id, "time": time, "detail": detail}
    name = line.deployed.resource("promotion", "AWS::Lambda::Function", "StartsStartPromotion")
    answer = line.deployed.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer
    return dict(json.load(answer["Payload"]))
