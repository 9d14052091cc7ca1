"""Whom the API asks: models that stand alone or at the top of a tree, as the file beside this one says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServedModel:
    """A model behind its endpoint; below `min_score` its answer is not sure. `component` is None for none."""

    name: str
    endpoint: str
    min_score: float
    component: str | None = None


@dataclass(frozen=True)
class Recognizer:
    """A model that is asked first, and the models of the groups that it knows; none for a flat one."""

    model: ServedModel
    children: Mapping[str, ServedModel]


def read_recognizers(file: str) -> dict[str, Recognizer]:
    """Read {name: {"model": {...}, "children": {group: {...}}}}, which lies beside this file."""
    document = json.loads((Path(__file__).parent / file).read_text(encoding="utf-8"))
    return {
        name: Recognizer(
            ServedModel(**found["model"]),
            {group: ServedModel(**child) for group, child in found["children"].items()},
        )
        for name, found in document.items()
    }
