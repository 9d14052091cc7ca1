"""Reading state machines out of templates, and what must hold for every one of them."""

import json
from collections.abc import Iterator
from typing import Any


def definition_in(template: dict[str, Any], *, holding: str = "") -> dict[str, Any]:
    """Give the definition of the one state machine (that has this state), references as their logical IDs."""
    (found,) = [one for one in _definitions(template) if not holding or holding in one["States"]]
    return found


def _definitions(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            parts = resource["Properties"]["DefinitionString"]["Fn::Join"][1]
            yield json.loads("".join(map(_spelled, parts)))


def _spelled(part: Any) -> str:
    if isinstance(part, str):
        return part
    if "Ref" in part:
        return "aws" if part["Ref"] == "AWS::Partition" else str(part["Ref"])
    return str(next(iter(part.values()))[0])


def ways_on(state: dict[str, Any]) -> Iterator[str]:
    """Give the names of the states that may follow this one."""
    for holder in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in holder:
            yield holder["Next"]
    if "Default" in state:
        yield state["Default"]


def defects(definition: dict[str, Any]) -> list[str]:
    """List dangling and unreachable states, and tasks without timeout, retries or a way out of a failure."""
    states, found = definition["States"], []
    reached, to_visit = set(), [definition["StartAt"]]
    while to_visit:
        name = to_visit.pop()
        if name not in states:
            found.append(f"{name!r} does not exist")
        elif name not in reached:
            reached.add(name)
            to_visit += ways_on(states[name])
    found += [f"{name!r} is never reached" for name in states.keys() - reached]
    for name, state in states.items():
        if (
            state["Type"] not in ("Succeed", "Fail", "Choice")
            and not state.get("End")
            and "Next" not in state
        ):
            found.append(f"{name!r} leads nowhere")
        if state["Type"] == "Choice" and "Default" not in state:
            found.append(f"{name!r} has no default")
        if state["Type"] == "Task":
            found += [
                f"{name!r} has no {key}" for key in ("TimeoutSeconds", "Retry", "Catch") if key not in state
            ]
    return found


def after_failure(definition: dict[str, Any], name: str) -> list[str]:
    """Follow a failure of this state, each Choice by its default, to the end; the states passed, in order."""
    states, passed = definition["States"], []
    current: str | None = states[name]["Catch"][0]["Next"]
    while current is not None and current not in passed:
        passed.append(current)
        state = states[current]
        ready = [rule["Next"] for rule in state.get("Choices", []) if rule.get("StringEquals") == "ready"]
        current = ready[0] if ready else state.get("Next", state.get("Default"))
    return passed


def way(definition: dict[str, Any], start: str, *, to: str, waiting_for: str = "") -> list[str]:
    """Follow what goes well from one state to another; a Choice by its default, or by what it waits for."""
    states, passed = definition["States"], [start]
    while passed[-1] != to:
        state = states[passed[-1]]
        rules = state.get("Choices", [])
        chosen = [rule["Next"] for rule in rules if rule.get("StringEquals") in (waiting_for, "promote")]
        following = chosen[0] if waiting_for and chosen else state.get("Next", state.get("Default"))
        assert following not in (None, *passed), f"{passed} does not lead to {to}"
        passed.append(following)
    return passed


def statements_in(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every IAM statement with the logical ID of what holds it."""
    for name, resource in template["Resources"].items():
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                yield name, statement


def actions_of(statement: dict[str, Any]) -> list[str]:
    """Give a statement's actions as a list."""
    actions = statement["Action"]
    return [actions] if isinstance(actions, str) else list(actions)


def holders_of(template: dict[str, Any], action: str) -> set[str]:
    """Give the logical IDs of the policies that allow an action, without CDK's hash."""
    return {name[:-8] for name, statement in statements_in(template) if action in actions_of(statement)}
