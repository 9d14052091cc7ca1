"""What a document may consist of: texts, lists, mappings with known keys; said once, checked strictly."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Problem:
    """What is wrong at a path of a document, and what to do."""

    path: str
    wrong: str
    remedy: str


class Shape(Protocol):
    """Anything that can say what is wrong with a value."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Every problem of the value at this path."""


@dataclass(frozen=True)
class Text:
    """A text, not empty unless it may be, that matches `pattern` whole or is one of `among`."""

    pattern: str = ""
    among: tuple[str, ...] = ()
    meaning: str = ""
    may_be_empty: bool = False

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """A wrong type, an empty text, or one that does not fit."""
        if not isinstance(value, str):
            yield Problem(path, f"{_spelled(value)} is {_kind(value)} where a text is needed", _quote(value))
        elif not value.strip():
            if not self.may_be_empty:
                yield Problem(path, "is empty", "write a value or remove it")
        elif self.among and value not in self.among:
            yield Problem(path, f"{value!r} is none of {', '.join(self.among)}", _nearest(value, self.among))
        elif self.pattern and not re.fullmatch(self.pattern, value, re.DOTALL):
            yield Problem(
                path, f"{value!r} is not {self.meaning or 'of the form ' + self.pattern}", "correct it"
            )


@dataclass(frozen=True)
class Flag:
    """`yes` or `no`, which YAML reads as booleans."""

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Anything else."""
        if not isinstance(value, bool) and value not in ("yes", "no", "true", "false"):
            yield Problem(path, f"{value!r} is neither yes nor no", "write yes or no")


@dataclass(frozen=True)
class Many:
    """A list of at least one."""

    of: Shape

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Those of the entries, or that it is no list or empty."""
        if not isinstance(value, list):
            yield Problem(
                path, f"{_spelled(value)} is {_kind(value)} where a list is needed", "write a list: - ..."
            )
        elif not value:
            yield Problem(path, "is an empty list", "write an entry or remove it")
        else:
            for index, entry in enumerate(value):
                yield from self.of.problems(entry, f"{path}[{index}]")


@dataclass(frozen=True)
class Named:
    """A mapping from names of one's own to values of one shape."""

    of: Shape
    names: str = r".+"

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Those of the entries and their names."""
        if not isinstance(value, Mapping):
            yield Problem(
                path, f"{_spelled(value)} is {_kind(value)} where a mapping is needed", "write name: value"
            )
            return
        for name, entry in value.items():
            if not isinstance(name, str) or not re.fullmatch(self.names, name):
                yield Problem(f"{path}.{name}", f"{name!r} is no name that is accepted here", "rename it")
            yield from self.of.problems(entry, f"{path}.{name}")


@dataclass(frozen=True)
class Keys:
    """A mapping with known keys, spelled by case; some of them are needed."""

    known: Mapping[str, Shape]
    needed: tuple[str, ...] = ()

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Unknown and missing keys, and the problems of the values."""
        if not isinstance(value, Mapping):
            yield Problem(
                path, f"{_spelled(value)} is {_kind(value)} where a mapping is needed", "write key: value"
            )
            return
        for key in self.needed:
            if key not in value:
                yield Problem(_below(path, key), "is missing", "add it")
        for key, entry in value.items():
            if key in self.known:
                yield from self.known[key].problems(entry, _below(path, key))
            else:
                yield Problem(
                    _below(path, key), f"unknown key {key!r}", _nearest(str(key), tuple(self.known))
                )


@dataclass(frozen=True)
class Either:
    """A text of its own shape, or a mapping of another."""

    text: Shape
    mapping: Shape

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """Those of the shape that the value is of."""
        yield from (self.mapping if isinstance(value, Mapping) else self.text).problems(value, path)


@dataclass(frozen=True)
class Anything:
    """What is not looked into."""

    unused: None = field(default=None, repr=False)

    def problems(self, value: Any, path: str) -> Iterator[Problem]:
        """None, ever."""
        yield from ()


def _below(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _kind(value: Any) -> str:
    kinds = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        dict: "a mapping",
        list: "a list",
        str: "a text",
    }
    return "nothing" if value is None else kinds.get(type(value), f"a {type(value).__name__}")


def _spelled(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def _quote(value: Any) -> str:
    return "put it in quotes" if not isinstance(value, list) and value is not None else "write one text"


def _nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word that is meant, as far as one can tell."""
    spelled = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), list(spelled), n=1)
    return f"write {spelled[near[0]]}" if near else f"known are {', '.join(sorted(known))}"
