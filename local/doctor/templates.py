"""What the synthesized templates give away: closed services, wildcards, logs that stay, missing regions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from local.doctor.assembly import Stack
from local.doctor.finding import Finding
from local.doctor.tables import table
from stacks.wildcards import WILDCARD_ACTIONS


def check(stacks: Sequence[Stack], region: str | None, *, wanted: Collection[str] = ()) -> Iterator[Finding]:
    """Look through all templates; `region` is where they go, None where that is not known.

    `wanted` are the closed services that the configuration asks for by name.
    """
    services = table("services")
    yield from _closed(stacks, services["closed"], wanted)
    yield from _regions(stacks, services["regions"], region)
    yield from _wildcards(stacks)
    yield from _logs(stacks)
    yield from _keys(stacks)


def _closed(stacks: Sequence[Stack], closed: Mapping[str, Any], wanted: Collection[str]) -> Iterator[Finding]:
    for stack in stacks:
        actions = {action for _, action, _ in _allowed(stack)}
        types = {kind for _, kind, _ in stack.resources()}
        for service in closed["services"]:
            used = sorted((actions & set(service["actions"])) | (types & set(service["types"])))
            if used and service["name"] not in wanted:
                yield Finding(
                    "error",
                    f"{service['name']} takes no new customers ({closed['date']}): {', '.join(used)}",
                    stack.path,
                    service["instead"],
                )


def _regions(stacks: Sequence[Stack], regions: Mapping[str, Any], region: str | None) -> Iterator[Finding]:
    as_of = f"{regions['date']}, {regions['source']}"
    if region is None:
        yield Finding(
            "unchecked", "whether the region has all that is used: none is named", "edgeline.toml accounts",
            "name accounts.region, or set AWS_REGION",
        )  # fmt: skip
        return
    if region not in regions["known"]:
        yield Finding(
            "unchecked", f"whether {region} has all that is used: the table does not know it ({as_of})",
            "local/doctor/services.toml", "look at AWS's list of regional services",
        )  # fmt: skip
        return
    for service in regions["services"]:
        prefixes = tuple(service["types"])
        using = [
            where for stack in stacks for where, kind, _ in stack.resources() if kind.startswith(prefixes)
        ]
        if using and region in service["missing"]:
            yield Finding(
                "error", f"{region} has no {service['name']} ({as_of})", using[0],
                "take another region, or leave the part out in `parts`",
            )  # fmt: skip


def _wildcards(stacks: Sequence[Stack]) -> Iterator[Finding]:
    used: dict[str, list[str]] = defaultdict(list)
    for stack in stacks:
        for where, action, resource in _allowed(stack):
            if resource == "*":
                used[action].append(where)
    for action in sorted(used.keys() - WILDCARD_ACTIONS.keys()):
        yield Finding(
            "error", f"{action} is allowed on every resource, without a reason", used[action][0],
            "name the resource, or argue for it in stacks/wildcards.py",
        )  # fmt: skip
    reasons: dict[str, list[str]] = defaultdict(list)
    for action in sorted(used.keys() & WILDCARD_ACTIONS.keys()):
        reasons[WILDCARD_ACTIONS[action]].append(action)
    for reason, actions in reasons.items():
        places = sum(len(used[action]) for action in actions)
        yield Finding(
            "advice", f"{', '.join(actions)} on every resource: {reason}", f"{places} statements",
            "nothing; AWS offers nothing narrower",
        )  # fmt: skip


def _logs(stacks: Sequence[Stack]) -> Iterator[Finding]:
    for stack in stacks:
        for where, _, properties in stack.resources("AWS::Logs::LogGroup"):
            if "RetentionInDays" not in properties:
                yield Finding("cost", "a log group that never expires", where, "give it a retention")
        for where, _, properties in stack.resources("AWS::CodeBuild::Project"):
            logs = properties.get("LogsConfig", {}).get("CloudWatchLogs", {})
            if not logs.get("GroupName") and logs.get("Status") != "DISABLED":
                yield Finding(
                    "cost", "builds that make a log group of their own, which never expires", where,
                    "give the project a log group",
                )  # fmt: skip
        for where, _, properties in stack.resources("AWS::Lambda::Function"):
            if not properties.get("LoggingConfig", {}).get("LogGroup"):
                yield Finding(
                    "cost", "a function that makes a log group of its own, which never expires", where,
                    "give the function a log group",
                )  # fmt: skip


def _keys(stacks: Sequence[Stack]) -> Iterator[Finding]:
    keys = Counter(stack.path for stack in stacks for _ in stack.resources("AWS::KMS::Key"))
    for path, number in keys.items():
        yield Finding(
            "cost", f"{number} KMS key{'s' * (number > 1)}, billed by the month, and more with each rotation",
            path, "nothing; it is what encrypts images, labels and models",
        )  # fmt: skip


def _allowed(stack: Stack) -> Iterator[tuple[str, str, Any]]:
    """Where, action and resource of all that identity policies allow."""
    for where, kind, properties in stack.resources():
        if not kind.startswith(("AWS::IAM::", "AWS::IoT::Policy")):
            continue
        documents = [inline["PolicyDocument"] for inline in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for document in documents:
            for statement in _listed(document["Statement"]):
                if statement["Effect"] != "Allow":
                    continue
                for action in _listed(statement.get("Action", [])):
                    for resource in _listed(statement.get("Resource", [])):
                        yield where, action, resource


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
