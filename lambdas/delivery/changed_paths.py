"""Which files count as a change, by CodePipeline's own patterns for the paths of its triggers.

`*` stays within one folder and `**` does not, `?` is one character, `[ab]` and `[!ab]` are one of a set,
`{a,b}` is an alternative, a backslash takes what follows as it is. So `**.md` is every such file, `**/*.md`
only those in folders.
"""

import re
from collections.abc import Iterable, Sequence


def first_delivered(paths: Iterable[str], ignore: Sequence[str]) -> str | None:
    """Return the first path that no pattern of `ignore` matches; None where all are ignored."""
    ignored = [re.compile(as_expression(pattern)) for pattern in ignore]
    return next((path for path in paths if not any(one.fullmatch(path) for one in ignored)), None)


def as_expression(pattern: str) -> str:
    """Translate a pattern into a regular expression that has to match a path whole."""
    expression, at, in_group = "", 0, False
    while at < len(pattern):
        piece, at = _next(pattern, at, in_group)
        in_group = piece == "(?:" or (in_group and piece != ")")
        expression += piece
    return expression + ")" if in_group else expression


def _next(pattern: str, at: int, in_group: bool) -> tuple[str, int]:
    """Translate what begins at a position; the position after it comes with it."""
    character, rest = pattern[at], pattern[at + 1 :]
    if character == "*":
        return (".*", at + 2) if rest.startswith("*") else ("[^/]*", at + 1)
    if character == "?":
        return "[^/]", at + 1
    if character == "[" and "]" in rest[1:]:
        end = pattern.index("]", at + 2)
        return _one_of(pattern[at + 1 : end]), end + 1
    if character == "\\" and rest:
        return re.escape(rest[0]), at + 2
    if character == "{" and "}" in rest:
        return "(?:", at + 1
    if in_group and character in ",}":
        return "|" if character == "," else ")", at + 1
    return re.escape(character), at + 1


def _one_of(characters: str) -> str:
    negated = characters.startswith("!")
    members = characters[1:] if negated else characters
    # Backslash, brackets and a leading ^ are themselves in a set; a hyphen between two is a range in both.
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", members)
    return f"[^/{members}]" if negated else f"(?!/)[{members}]"
