"""Checks a value against a botocore shape: what botocore checks, and enumerations, patterns and maxima too.

Patterns are Java's. Those that Python cannot compile even after the translation of character classes are not
checked; where Python has no such class, a larger one stands for it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from botocore.validate import ParamValidator

_JAVA_CLASSES = {
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "ASCII": r"\x00-\x7F",
    "Print": r"\x20-\x7E",
    "L": r"\w",
    "M": r"\w",
    "N": r"\w",
    "Z": r"\s",
    "P": r"\W",
    "S": r"\W",
}
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]|[^\\\[\]]+", re.DOTALL)


def report(value: Any, shape: Any) -> str:
    """Return what is wrong with `value`, one problem a line; an empty string when nothing is."""
    errors = ParamValidator().validate(value, shape)
    problems = [errors.generate_report()] if errors.has_errors() else []
    return "\n".join([*problems, *_constraints(value, shape, "")])


def _constraints(value: Any, shape: Any, where: str) -> list[str]:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not shape.is_document_type:
        return [
            problem
            for name, item in value.items()
            if name in shape.members
            for problem in _constraints(item, shape.members[name], f"{where}.{name}")
        ]
    if kind == "list" and isinstance(value, list | tuple):
        found = [p for i, item in enumerate(value) for p in _constraints(item, shape.member, f"{where}[{i}]")]
        return found + _maximum(len(value), shape, where, "items")
    if kind == "map" and isinstance(value, dict):
        found = [p for key in value for p in _constraints(key, shape.key, f"{where} (key {key!r})")]
        found += [p for key, item in value.items() for p in _constraints(item, shape.value, f"{where}.{key}")]
        return found + _maximum(len(value), shape, where, "entries")
    if kind == "string" and isinstance(value, str):
        return _maximum(len(value), shape, where, "characters") + _text(value, shape, where)
    if kind in ("integer", "long", "float", "double") and isinstance(value, int | float):
        return _maximum(value, shape, where, "")
    return []


def _maximum(size: float, shape: Any, where: str, unit: str) -> list[str]:
    largest = shape.metadata.get("max")
    if largest is None or size <= largest:
        return []
    return [f"{where}: {size} {unit}".rstrip() + f", at most {largest} allowed"]


def _text(value: str, shape: Any, where: str) -> list[str]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        return [f"{where}: {value!r} is not one of {', '.join(allowed)}"]
    pattern = _compiled(shape.metadata.get("pattern", ""))
    if pattern and not pattern.fullmatch(value):
        return [f"{where}: {value[:200]!r} does not match {shape.metadata['pattern']}"]
    return []


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if not pattern:
        return None
    try:
        return re.compile(_python_pattern(pattern))
    except re.error:
        return None


def _python_pattern(java: str) -> str:
    """Translate what Python writes otherwise: `\\p{...}` inside and outside of brackets, and `\\z`."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(java):
        text, name = token[0], token[1]
        if name:
            text = _JAVA_CLASSES.get(name, r"\s\S")
            parts.append(text if inside else f"[{text}]")
            continue
        inside = text == "[" or (inside and text != "]")
        parts.append(r"\Z" if text == r"\z" else text)
    return "".join(parts)
