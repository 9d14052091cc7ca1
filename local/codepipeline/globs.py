"""The glob patterns of triggers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_TOKEN = re.compile(
    r"\\(?P<literal>.)|\[(?P<negated>!?)(?P<set>[^\]]+)\]|(?P<wild>\*\*|[*?{},])|(?P<plain>.)"
)


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path or a branch matches one of the patterns."""
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate: `*` and `?` stay within a name, `**` crosses them, `[...]` and `{a,b}` choose, `\\` escapes.

    As in Java's globs, from which the syntax comes, `**/x` does not match `x` at the root.
    """
    parts, in_group = [], False
    for token in _TOKEN.finditer(pattern):
        wild = token["wild"]
        if token["set"]:
            choice = re.escape(token["set"]).replace(r"\-", "-")
            parts.append(f"[^/{choice}]" if token["negated"] else f"[{choice}]")
        elif wild is None:
            parts.append(re.escape(token["literal"] or token["plain"]))
        elif wild == "{" or (wild == "}" and in_group):
            in_group = wild == "{"
            parts.append("(?:" if in_group else ")")
        elif wild == ",":
            parts.append("|" if in_group else ",")
        else:
            parts.append({"**": ".*", "*": "[^/]*", "?": "[^/]", "}": r"\}"}[wild])
    return re.compile("".join(parts), re.DOTALL)
