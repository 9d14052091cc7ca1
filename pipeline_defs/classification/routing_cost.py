"""What a picture's way over a parent to its children costs, end to end, beside a parent that never errs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inference.routing import best_of, route
from pipeline_defs.classification.answering import Answerer, Labels
from pipeline_defs.classification.children import Child
from pipeline_defs.classification.evaluated_pictures import TestSide

LEVELS = ("species", "group", "refused")


@dataclass(frozen=True)
class Routed:
    """How one picture went: its group in truth, and the species that were named."""

    group: str
    end_to_end: bool  # the child of the group that the parent said names the species
    perfect_parent: bool  # the child of the true group does
    right_group: bool
    level: str  # what the application says: one of LEVELS
    said_right: bool  # and whether a species that it says is right


class Router:
    """Asks the children; `answerers` by group, those of a parent's groups that have a model."""

    def __init__(self, side: TestSide, answerers: Mapping[str, Answerer], min_score: float) -> None:
        self._side, self._answerers, self._min_score = side, answerers, min_score
        self._groups = set(side.label_map.children)

    def routed(self, answers: Sequence[Labels]) -> list[Routed]:
        """Route every picture whose species can be named; those of a group without a child are left out."""
        return [
            self._route(position, answer)
            for position, answer in enumerate(answers)
            if self._truth(position) not in self._groups or self._truth(position) in self._answerers
        ]

    def _truth(self, position: int) -> str:
        return str(self._side.label_map.labels[self._side.truth[position]])

    def _route(self, position: int, answer: Labels) -> Routed:
        truth, species = self._truth(position), self._side.images[position].class_name
        said, _ = answer[0]
        jpeg = self._side.jpeg(position)
        named = {group: self._ask(group, jpeg) for group in {truth, said}}
        parent = best_of(answer, self._min_score)
        answerer, labels = self._answerers.get(said), named[said]
        child = best_of(labels, _least(answerer)) if answerer and labels else None
        rule = route(parent, child, is_group=said in self._groups)
        return Routed(
            group=truth,
            end_to_end=self._is(said, named[said], truth, species),
            perfect_parent=self._is(truth, named[truth], truth, species),
            right_group=said == truth,
            level="refused" if rule.level == "none" else rule.level,
            said_right=rule.level == "species" and self._right(rule.name, said, truth, species),
        )

    def _ask(self, group: str, jpeg: bytes) -> Labels | None:
        answerer = self._answerers.get(group)
        return answerer.ask(jpeg) if answerer else None

    def _is(self, label: str, child: Labels | None, truth: str, species: str) -> bool:
        """Tell whether the species is right, unsure or not; what has no child is a species by its label."""
        if label in self._groups:
            return child is not None and child[0][0] == species
        return label == truth

    def _right(self, name: str | None, said: str, truth: str, species: str) -> bool:
        return name == species if said in self._groups else said == truth


def routing_report(
    routed: Sequence[Routed],
    children: Sequence[Child],
    *,
    labels: Sequence[str],
    missing: Sequence[str],
    left_out: int,
    enlarged: Sequence[str],
) -> dict[str, Any]:
    """Return the content of evaluation.json's `routing`; `labels` are the parent's, in their order.

    `enlarged` are the children that were asked with smaller pictures than they take.
    """
    levels = Counter(each.level for each in routed)
    said = levels["species"]
    return {
        "children": [asdict(child) for child in children],
        "missing": list(missing),
        "left_out": left_out,
        "enlarged": list(enlarged),
        **_numbers(routed),
        "by_group": {
            group: {
                "images": len(of_group),
                **_numbers(of_group),
                "right_group": _share(sum(each.right_group for each in of_group), len(of_group)),
            }
            for group in labels
            if (of_group := [each for each in routed if each.group == group])
        },
        **{level: _share(levels[level], len(routed)) for level in LEVELS},
        "species_right": _share(sum(each.said_right for each in routed), said) if said else None,
    }


def _numbers(routed: Sequence[Routed]) -> dict[str, float]:
    end_to_end = _share(sum(each.end_to_end for each in routed), len(routed))
    perfect = _share(sum(each.perfect_parent for each in routed), len(routed))
    return {"top1_end_to_end": end_to_end, "top1_perfect_parent": perfect, "cost": perfect - end_to_end}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _least(answerer: Answerer | None) -> float:
    return answerer.min_score if answerer and answerer.min_score is not None else 0.0
