"""What a request asks of a training, as the variables that the model's workflow pipeline takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.proxied import Refused
from lambdas.training.workflows import Workflow

_LARGEST_SEED = 2**31 - 1
_CLOCKS_DIFFER = timedelta(minutes=5)
_EARLIEST_YEAR = 2000
_KEY = re.compile(r"[A-Za-z0-9!_.*'()/=-]{1,900}")
_SHARED = ("seed", "as_of", "dataset_manifest")
_LONGEST = 1000  # characters of a variable of CodePipeline


@dataclass(frozen=True)
class Place:
    """Where what the line keeps of a model lies."""

    model: str
    artifacts_bucket: str

    def under(self, prefix: str) -> str:
        """The beginning of the URIs of the model's objects under a prefix of the artifacts bucket."""
        return f"s3://{self.artifacts_bucket}/{prefix}/{self.model}/"


def variables(body: Mapping[str, Any], workflow: Workflow, place: Place, now: datetime) -> dict[str, str]:
    """The variables that a request's body asks for; those that it does not name keep their defaults.

    Refused, with 400, says what is wrong with the first field that is.
    """
    known = _fields(workflow)
    if surplus := sorted(set(body) - set(known)):
        shown = ", ".join(name[:40] for name in surplus[:5])
        raise Refused(400, f"{shown}: unknown; the training of {workflow.model} takes: {', '.join(known)}")
    checks: Mapping[str, Callable[[Any], str]] = {
        "seed": _seed,
        "as_of": lambda value: _as_of(value, now),
        "labels_manifest": lambda value: _object(value, "labels_manifest", place.under("labels")),
        "dataset_manifest": lambda value: _object(value, "dataset_manifest", place.under("runs")),
        "children": lambda value: _children(value, workflow.children),
    }
    return {name.upper(): checks[name](body[name]) for name in known if name in body}


def _fields(workflow: Workflow) -> tuple[str, ...]:
    if workflow.task == "detection":
        return (*_SHARED, "labels_manifest")
    return (*_SHARED, "children") if workflow.children else _SHARED


def _seed(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_SEED:
        raise Refused(400, f"seed: not a whole number from 0 to {_LARGEST_SEED}")
    return str(value)


def _as_of(value: Any, now: datetime) -> str:
    """The time in UTC, to the second, as the pipelines take it."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused(400, "as_of: not a time like 2026-11-21T12:00:00Z") from None
    if time.tzinfo is None:
        raise Refused(400, "as_of: which time zone? Like 2026-11-21T12:00:00Z, or with +01:00 at its end")
    if time.year < _EARLIEST_YEAR:
        raise Refused(400, f"as_of: {value} is before there was anything")
    if time > now + _CLOCKS_DIFFER:
        raise Refused(400, f"as_of: {value} is still to come")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(value: Any, field: str, place: str) -> str:
    if not isinstance(value, str) or not value.startswith(place):
        raise Refused(400, f"{field}: not an object under {place}, where the line keeps them")
    if not _KEY.fullmatch(value.removeprefix(place)):
        raise Refused(400, f"{field}: no object of {place} is called so")
    return value


def _children(value: Any, children: tuple[str, ...]) -> str:
    """The versions of the children's packages with which routing is measured, as upsert.py takes them."""
    if not isinstance(value, dict) or not value:
        raise Refused(400, "children: not an object of a package's version for each child")
    for child, version in value.items():
        if child not in children:
            raise Refused(400, f"children: {child[:40]!r} is none of {', '.join(children)}")
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise Refused(400, f"children: {child}: not the number of a version")
    text = ",".join(f"{child}={value[child]}" for child in children if child in value)
    if len(text) > _LONGEST:
        raise Refused(400, f"children: more than the {_LONGEST} characters that a start can say")
    return text
