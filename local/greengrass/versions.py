"""Component versions and the requirements that dependencies state, in npm's syntax as Greengrass takes it."""

import re
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_PART = re.compile(r"(>=|<=|>|<|=|\^|~)?\s*v?(\d+(?:\.(?:\d+|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?)")


class BadVersion(ValueError):  # noqa: N818 - the name that callers read
    """A text that is no version or no requirement; the message shows it."""


@total_ordering
@dataclass(frozen=True)
class Version:
    """A semantic version; a pre-release is lower than its release."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read `1.2.3` or `1.2.3-alpha.1`. Raises BadVersion."""
        match = _VERSION.fullmatch(text)
        if not match:
            raise BadVersion(f"{text!r} is not a semantic version such as 1.0.0")
        return cls(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        return f"{core}-{self.prerelease}" if self.prerelease else core

    def __lt__(self, other: "Version") -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        identifiers = [
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in self.prerelease.split(".")
            if part
        ]
        return (self.major, self.minor, self.patch, not self.prerelease, identifiers)


@dataclass(frozen=True)
class Requirement:
    """Alternatives, each a list of bounds that must all hold."""

    text: str
    alternatives: tuple[tuple[tuple[str, Version], ...], ...]

    @classmethod
    def parse(cls, text: str) -> "Requirement":
        """Read `^1.0.0`, `>=1.0.0 <2.0.0`, `~1.2`, `1.0.3`, `*` or several of them joined by `||`."""
        return cls(text, tuple(_bounds(alternative.strip(), text) for alternative in text.split("||")))

    def allows(self, version: Version) -> bool:
        """Whether `version` satisfies the requirement; a pre-release only where it is named."""
        return any(_holds(bounds, version) for bounds in self.alternatives)


def _bounds(alternative: str, text: str) -> tuple[tuple[str, Version], ...]:
    if alternative in ("", "*", "x", "X"):
        return ((">=", Version(0, 0, 0)),)
    rest = _PART.sub("", alternative).strip()
    parts = _PART.findall(alternative)
    if rest or not parts:
        raise BadVersion(f"{text!r} is not a version requirement such as '>=1.0.0 <2.0.0'")
    return tuple(bound for operator, number in parts for bound in _bound(operator, number))


def _bound(operator: str, text: str) -> list[tuple[str, Version]]:
    numbers, _, prerelease = text.partition("-")
    given = [int(part) for part in numbers.split(".") if part.isdigit()]
    major, minor, patch = [*given, 0, 0, 0][:3]
    low = Version(major, minor, patch, prerelease)
    if operator in (">", ">=", "<", "<="):
        return [(operator, low)]
    if operator == "^":
        high = _caret(major, minor, patch, len(given))
    elif operator == "~" or len(given) < 3:
        high = Version(major, minor + 1, 0) if len(given) > 1 else Version(major + 1, 0, 0)
    else:
        return [("=", low)]
    return [(">=", low), ("<", high)]


def _caret(major: int, minor: int, patch: int, given: int) -> Version:
    if major or given < 2:
        return Version(major + 1, 0, 0)
    if minor or given < 3:
        return Version(0, minor + 1, 0)
    return Version(0, 0, patch + 1)


def _holds(bounds: tuple[tuple[str, Version], ...], version: Version) -> bool:
    if version.prerelease and not any(bound.prerelease for _, bound in bounds):
        return False
    return all(_compare(operator, version, bound) for operator, bound in bounds)


def _compare(operator: str, version: Version, bound: Version) -> bool:
    if operator == ">":
        return version > bound
    if operator == ">=":
        return version >= bound
    if operator == "<":
        return version < bound
    return version <= bound if operator == "<=" else version == bound
