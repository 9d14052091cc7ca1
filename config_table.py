"""A TOML table that is read key by key, so that what is missing, unknown or wrong is one clear line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_REQUIRED = object()


class ConfigError(ValueError):
    """A key of the configuration file is missing, unknown or wrong; the message is one line."""


class Table:
    """A TOML table that is read key by key, and complains about what nobody asked for."""

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self._path, self._left = path, dict(values)

    def wrong(self, key: str, complaint: str) -> ConfigError:
        """Make the error of a key; `complaint` says what is wrong with it."""
        return ConfigError(f"{f'{self._path}{key}'.rstrip('.')}: {complaint}")

    def holds(self, key: str, value: object) -> bool:
        """Whether the key has this value; it is not taken."""
        return bool(self._left.get(key) == value)

    def names(self, key: str) -> bool:
        """Whether the key is there; it is not taken."""
        return key in self._left

    def matching(self, key: str, value: str, pattern: str) -> str:
        """The value of a key that was taken, if it matches `pattern` in whole."""
        if not re.fullmatch(pattern, value):
            raise self.wrong(key, f"{value!r} does not match {pattern}")
        return value

    def text(
        self, key: str, default: Any = _REQUIRED, *, pattern: str = ".+", longest: int = 200,
        among: Sequence[str] = (),
    ) -> Any:  # fmt: skip
        """Take a text that matches `pattern` in whole, or is one of `among`."""
        value = self._take(key, default, str, "text")
        if value is default:
            return value
        if among and value not in among:
            raise self.wrong(key, f"{value!r} is not one of {', '.join(among)}")
        self.matching(key, value, pattern)
        if len(value) > longest:
            raise self.wrong(key, f"{value!r} is longer than {longest} characters")
        return value

    def number(self, key: str, default: float, *, low: float = 0, high: float = 1) -> float:
        """Take a number from `low` to `high`."""
        return float(self._between(key, self._take(key, default, (int, float), "a number"), low, high))

    def whole(self, key: str, default: int, *, low: int, high: int) -> int:
        """Take a whole number from `low` to `high`."""
        return int(self._between(key, self._take(key, default, int, "a whole number"), low, high))

    def span(
        self, key: str, default: tuple[float, float], *, low: float, high: float, whole: bool = False
    ) -> tuple[float, float]:
        """Take a range from less to more, two numbers from `low` to `high`; `whole` ones where it says so."""
        values = self._take(key, list(default), list, "a list of two numbers")
        kind, kind_name = (int, "two whole numbers") if whole else ((int, float), "two numbers")
        if len(values) != 2 or any(not isinstance(v, kind) or isinstance(v, bool) for v in values):
            raise self.wrong(key, f"{values!r} is not a list of {kind_name}")
        first, last = (self._between(key, value, low, high) for value in values)
        if first >= last:
            raise self.wrong(key, f"{values!r} does not go from less to more")
        return first, last

    def flag(self, key: str, default: bool) -> bool:
        """Take true or false."""
        value = self._left.pop(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"{value!r} is not true or false")
        return value

    def words(
        self, key: str, default: Sequence[str] | None = None, *, among: Sequence[str] = (), pattern: str = ""
    ) -> tuple[str, ...]:
        """Take a list of different texts, each of `among` or like `pattern` where that is given."""
        if default is not None and key not in self._left:
            return tuple(default)
        values = self._take(key, _REQUIRED, list, "a list of text")
        bad = [word for word in values if not isinstance(word, str) or not re.fullmatch(r"[^,\s][^,]*", word)]
        if bad or not values:
            raise self.wrong(key, f"{values!r} is not a list of at least one text without commas")
        unknown = [word for word in values if among and word not in among]
        if unknown:
            raise self.wrong(key, f"{unknown[0]!r} is not one of {', '.join(among)}")
        for word in values if pattern else ():
            self.matching(key, word, pattern)
        if len(set(values)) < len(values):
            raise self.wrong(key, f"{values!r} names one of them twice")
        return tuple(values)

    def table(self, key: str, *, optional: bool = False) -> Table:
        """Take a table of its own; an optional one that is missing is empty."""
        values = self._take(key, {} if optional else _REQUIRED, dict, "a table")
        return Table(f"{self._path}{key}.", values)

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Take a table of at least one table, by their names."""
        values = self._take(key, _REQUIRED, dict, "a table")
        if not values:
            raise self.wrong(key, f"is empty; add a [{key}.NAME] table")
        for name, inner in values.items():
            if not isinstance(inner, dict):
                raise self.wrong(f"{key}.{name}", f"{inner!r} is not a table")
            yield name, Table(f"{self._path}{key}.{name}.", inner)

    def end(self, complaint: str = "unknown key") -> None:
        """Complain about a key that nobody asked for."""
        for key in self._left:
            raise self.wrong(key, complaint)

    def _take(self, key: str, default: Any, kind: type | tuple[type, ...], kind_name: str) -> Any:
        value = self._left.pop(key, default)
        if value is _REQUIRED:
            raise self.wrong(key, "missing")
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.wrong(key, f"{value!r} is not {kind_name}")
        return value

    def _between(self, key: str, value: float, low: float, high: float) -> float:
        if not low <= value <= high:
            raise self.wrong(key, f"{value} is not between {low} and {high}")
        return value
