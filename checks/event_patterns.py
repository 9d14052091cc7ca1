"""Event patterns as EventBridge compares them: which events match, and which patterns it would refuse."""

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Pattern = Mapping[str, Any]
Path = tuple[str, ...]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING = object()


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Whether the event has what every key of the pattern asks for."""
    return all(_key_matches(key, wanted, event) for key, wanted in pattern.items())


def _key_matches(key: str, wanted: Any, event: Mapping[str, Any]) -> bool:
    if key == "$or" and isinstance(wanted, list):
        return any(matches(alternative, event) for alternative in wanted)
    value = event.get(key, _MISSING)
    if not isinstance(wanted, Mapping):
        return any(condition_holds(condition, value) for condition in wanted)
    if isinstance(value, list):
        return any(matches(wanted, entry) for entry in value if isinstance(entry, Mapping))
    return matches(wanted, value if isinstance(value, Mapping) else {})


def condition_holds(condition: Any, value: Any) -> bool:
    """Whether one condition of a leaf holds for what the event has there."""
    if isinstance(condition, Mapping) and "exists" in condition:
        return condition["exists"] is (value is not _MISSING and not isinstance(value, Mapping))
    if isinstance(value, list):
        return any(condition_holds(condition, entry) for entry in value)
    if value is _MISSING or isinstance(value, Mapping):
        return False
    if not isinstance(condition, Mapping):
        return _same(condition, value)
    ((name, argument),) = condition.items()
    return _OPERATORS[name](argument, value)


def _same(wanted: Any, value: Any) -> bool:
    """Equality of JSON: 300 is 300.0, and true is not 1."""
    return isinstance(wanted, bool) is isinstance(value, bool) and wanted == value


def _affix(argument: Any, value: Any, test: Callable[[str, str], bool]) -> bool:
    if isinstance(argument, Mapping):
        return isinstance(value, str) and test(value.lower(), argument["equals-ignore-case"].lower())
    return isinstance(value, str) and test(value, argument)


def _prefix(argument: Any, value: Any) -> bool:
    return _affix(argument, value, str.startswith)


def _suffix(argument: Any, value: Any) -> bool:
    return _affix(argument, value, str.endswith)


def _ignoring_case(argument: Any, value: Any) -> bool:
    return isinstance(value, str) and value.lower() == argument.lower()


def _wildcard(argument: Any, value: Any) -> bool:
    """`*` stands for any text; a backslash makes it, or itself, ordinary."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", argument)
    regex = "".join(".*" if part == "*" else re.escape(re.sub(r"\\([*\\])", r"\1", part)) for part in parts)
    return isinstance(value, str) and re.fullmatch(regex, value, re.DOTALL) is not None


def _numeric(argument: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARISONS[comparison](value, bound) for comparison, bound in pairs)


def _cidr(argument: Any, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, Mapping):
        ((name, excluded),) = argument.items()
        each = excluded if isinstance(excluded, list) else [excluded]
        return not any(_OPERATORS[name](one, value) for one in each)
    excluded = argument if isinstance(argument, list) else [argument]
    return not any(_same(one, value) for one in excluded)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
_NEGATABLE = ("prefix", "suffix", "equals-ignore-case", "wildcard")


def leaves(pattern: Pattern, path: Path = ()) -> Iterator[tuple[Path, list[Any]]]:
    """Every list of conditions with the keys that lead to it, those of all alternatives among them."""
    for key, wanted in pattern.items():
        if key == "$or" and isinstance(wanted, list):
            for alternative in wanted:
                yield from leaves(alternative, path)
        elif isinstance(wanted, Mapping):
            yield from leaves(wanted, (*path, key))
        else:
            yield (*path, key), wanted


def refusals(pattern: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What EventBridge would refuse in a pattern: the path, and what is wrong there."""
    if not isinstance(pattern, Mapping) or not pattern:
        yield path, "the pattern is not a mapping with keys"
        return
    for key, wanted in pattern.items():
        here = (*path, str(key))
        if key == "$or" and isinstance(wanted, list):
            if len(wanted) < 2:
                yield here, "$or needs at least two alternatives"
            for alternative in wanted:
                yield from refusals(alternative, path)
        elif isinstance(wanted, Mapping):
            yield from refusals(wanted, here)
        elif not isinstance(wanted, list) or not wanted:
            yield here, f"{wanted!r} stands where EventBridge needs a list of values or conditions"
        else:
            yield from ((here, wrong) for condition in wanted if (wrong := _refused(condition)))


def _refused(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return f"{condition!r} is a list in a list" if isinstance(condition, list) else ""
    if len(condition) != 1:
        return f"{dict(condition)!r} is not one condition"
    ((name, argument),) = condition.items()
    if name == "exists":
        return "" if isinstance(argument, bool) else f"exists takes true or false, not {argument!r}"
    if name not in _OPERATORS:
        return f"there is no comparison {name!r}; there are exists, {', '.join(_OPERATORS)}"
    return "" if _ARGUMENTS[name](argument) else f"{name} does not take {argument!r}"


def _takes_affix(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        return set(argument) == {"equals-ignore-case"} and _takes_text(argument["equals-ignore-case"])
    return _takes_text(argument)


def _takes_text(argument: Any) -> bool:
    return isinstance(argument, str) and bool(argument)


def _takes_numeric(argument: Any) -> bool:
    return (
        isinstance(argument, list)
        and len(argument) in (2, 4)
        and all(comparison in _COMPARISONS for comparison in argument[::2])
        and all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in argument[1::2])
    )


def _takes_cidr(argument: Any) -> bool:
    try:
        ipaddress.ip_network(argument, strict=False)
    except ValueError:
        return False
    return isinstance(argument, str) and "/" in argument


def _takes_wildcard(argument: Any) -> bool:
    """EventBridge refuses `**`, and a backslash before anything but `*` and itself."""
    plain = re.sub(r"\\[*\\]", "", argument) if isinstance(argument, str) else "\\"
    return bool(argument) and "**" not in plain and "\\" not in plain


def _takes_exclusion(argument: Any) -> bool:
    if isinstance(argument, Mapping):
        if len(argument) != 1 or next(iter(argument)) not in _NEGATABLE:
            return False
        ((name, excluded),) = argument.items()
        each = excluded if isinstance(excluded, list) else [excluded]
        takes = _takes_wildcard if name == "wildcard" else _takes_text
        return bool(each) and all(map(takes, each))
    each = argument if isinstance(argument, list) else [argument]
    kinds = {str if isinstance(one, str) else float for one in each if isinstance(one, str | int | float)}
    return (
        bool(each)
        and len(kinds) == 1
        and not any(isinstance(one, dict | list) or one is None for one in each)
    )


_ARGUMENTS: dict[str, Callable[[Any], bool]] = {
    "prefix": _takes_affix,
    "suffix": _takes_affix,
    "equals-ignore-case": _takes_text,
    "wildcard": _takes_wildcard,
    "numeric": _takes_numeric,
    "cidr": _takes_cidr,
    "anything-but": _takes_exclusion,
}
