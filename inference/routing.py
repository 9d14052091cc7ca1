"""Which name a parent's and a child's answers make together: in the application and in the evaluation."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["species", "group", "none"]


@dataclass(frozen=True)
class Answered:
    """A model's best label for a picture, and whether its score is high enough to be said."""

    label: str
    score: float
    sure: bool


@dataclass(frozen=True)
class Route:
    """What is said: a species, else its group's name, else nothing."""

    name: str | None
    level: Level


def best_of(labels: list[tuple[str, float]], min_score: float) -> Answered:
    """Take the first of a model's labels, best first, as (label, score); it is sure from `min_score` on."""
    label, score = labels[0]
    return Answered(label, score, sure=score >= min_score)


def route(parent: Answered, child: Answered | None, *, is_group: bool) -> Route:
    """Say the name; `child` is None where it cannot be asked or does not fit, or where there is none.

    `is_group`: whether a child stands behind the parent's label; what has none is a species itself.
    """
    if not is_group:
        return Route(parent.label, "species") if parent.sure else Route(None, "none")
    if child is not None and child.sure:
        return Route(child.label, "species")
    return Route(parent.label, "group") if parent.sure else Route(None, "none")
