"""Every EventBridge rule against the events that there really are: it must match one of them."""

import difflib
from collections.abc import Iterator
from typing import Any

from checks.assembly import Assembly, Resource
from checks.event_patterns import condition_holds, leaves, matches, refusals
from checks.finding import Finding
from checks.intrinsics import Resolver
from checks.known_events import Event, has_path, known_events, likeliest, value_at

NAME = "event-patterns"
_KIND = ("source", "detail-type")
_ADD = "correct it, or describe the event in checks/events"


def check(assembly: Assembly) -> list[Finding]:
    """Hold the pattern of each rule that has one against checks/events."""
    resolver = Resolver(assembly)
    return [
        Finding(NAME, f"{rule.where} {'.'.join(path)}".strip(), wrong, remedy)
        for rule in assembly.resources("AWS::Events::Rule")
        if "EventPattern" in rule.properties
        for path, wrong, remedy in _problems(
            rule, resolver.resolve(rule.stack, rule.properties["EventPattern"])
        )
    ]


_Problem = tuple[tuple[str, ...], str, str]


def _problems(rule: Resource, pattern: Any) -> Iterator[_Problem]:
    refused = [
        (path, wrong, "EventBridge refuses it: correct the pattern") for path, wrong in refusals(pattern)
    ]
    if refused:
        yield from refused
        return
    words = rule.stack.name.split("-")
    lines = ["-".join(words[:count]) for count in range(len(words), 0, -1)]
    kind = {key: pattern[key] for key in _KIND if key in pattern}
    filled = {name: likeliest(event, pattern, lines) for name, event in known_events().items()}
    filled = {name: event for name, event in filled.items() if matches(kind, event)}
    events = list(filled.values())
    if not events:
        yield from _unknown_kind(kind, lines)
        return
    unknown = [path for path, _ in leaves(pattern) if not any(has_path(event, path) for event in events)]
    for path in unknown:
        yield path, f"no {events[0]['detail-type']!r} has this key", _nearest_key(path, events)
    if not unknown and not any(matches(pattern, event) for event in events):
        yield from _mismatches(pattern, filled)


def _unknown_kind(kind: dict[str, Any], lines: list[str]) -> Iterator[_Problem]:
    known = [likeliest(event, {}, lines) for event in known_events().values()]
    for key in _KIND:
        words = sorted({str(event[key]) for event in known})
        asked = kind.get(key, [])
        if not any(condition_holds(condition, word) for condition in asked for word in words):
            near = difflib.get_close_matches(str(asked[0]) if asked else "", words, n=1)
            remedy = f"write {near[0]!r}, {_ADD.removeprefix('correct it, ')}" if near else _ADD
            yield (key,), f"no known event has {asked!r} there", remedy
            return
    yield _KIND[1:], f"no known event of {kind.get('source')} is a {kind.get('detail-type')}", _ADD


def _nearest_key(path: tuple[str, ...], events: list[Event]) -> str:
    parent = value_at(events[0], path[:-1])
    keys = list(parent) if isinstance(parent, dict) else []
    near = difflib.get_close_matches(path[-1], keys, n=1, cutoff=0.5)
    return f"write {near[0]}" if near else _ADD


def _mismatches(pattern: Any, filled: dict[str, Event]) -> Iterator[_Problem]:
    """Where the event that comes nearest differs, and what it has there."""

    def differing(name: str) -> list[_Problem]:
        return [
            (path, f"no event has any of {conditions!r}, but {value_at(known_events()[name], path)!r}", _ADD)
            for path, conditions in leaves(pattern)
            if not matches(_nested(path, conditions), filled[name])
        ]

    yield from min(map(differing, filled), key=len)


def _nested(path: tuple[str, ...], conditions: list[Any]) -> dict[str, Any]:
    nested: Any = conditions
    for key in reversed(path):
        nested = {key: nested}
    return dict(nested)
