"""The models that an execution may name."""

from typing import Any


class UnknownModel(Exception):  # noqa: N818 - the state machine reports it by this name
    """The execution's input names a model that the configuration does not."""


def classes_of(model: Any, known: dict[str, list[str]]) -> list[str]:
    """The classes of a model; UnknownModel names those there are."""
    if not isinstance(model, str) or model not in known:
        raise UnknownModel(f"{model!r} is not a model; start the execution with one of {', '.join(known)}")
    return known[model]
