"""One label out of what several people drew on a picture: boxes that match, the majority, the median.

Boxes of different people match where they have the same class and overlap by IoU >= `iou`. They are grouped
one to one: all pairs of boxes of two people are taken by falling IoU (ties: by the names of the people and
the order of their boxes), and two groups become one if no person would have two boxes in it and every two
boxes in it overlap by `iou`. So no order of the answers changes the result, and no chain of small shifts
joins boxes that lie apart.

A group of at least half of the people is a box of the label, each side the median of theirs: of two people
one is enough, since whoever verifies decides. There is no majority where most drew something and no box has
half of them, or where half say that the picture cannot be used and the others do not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Any

Box = Mapping[str, Any]


@dataclass(frozen=True)
class Opinion:
    """What one person answered: boxes, or why the picture is unusable; nobody (`by` "") that it is gone."""

    by: str
    boxes: Sequence[Box] = ()
    unusable: str | None = None


@dataclass(frozen=True)
class Consensus:
    """What several opinions come to: `boxes`, or `unusable` with the reasons, or neither (no majority).

    `agreement`, over all pairs of people who drew: {"mean_iou": of the matched pairs of boxes, None without
    any; "unmatched_share": the share of boxes without a match; "agreement": the mean IoU with an unmatched
    box as 0, from 0 to 1, and 1 where nobody drew anything}. It is empty where fewer than two drew.
    """

    boxes: tuple[dict[str, Any], ...] | None
    unusable: str | None
    agreement: dict[str, Any]


@dataclass(frozen=True)
class _Drawn:
    person: int
    place: int
    box: Box


def consensus(opinions: Iterable[Opinion], *, iou: float) -> Consensus:
    """Bring opinions, one a person, together; that of one person alone is as it is."""
    ordered = sorted(opinions, key=lambda opinion: opinion.by)
    drew = [opinion for opinion in ordered if opinion.unusable is None]
    groups = matched([opinion.boxes for opinion in drew], iou=iou)
    agreement = _agreement([len(opinion.boxes) for opinion in drew], groups)
    against = [_objection(opinion) for opinion in ordered if opinion.unusable is not None]
    if len(against) > len(drew):
        return Consensus(None, "; ".join(against), agreement)
    boxes = tuple(merged(group) for group in groups if 2 * len(group) >= len(drew))
    most_drew_something = 2 * sum(bool(opinion.boxes) for opinion in drew) > len(drew)
    if len(against) == len(drew) or (most_drew_something and not boxes):
        return Consensus(None, None, agreement)
    return Consensus(boxes, None, agreement)


def matched(drawn: Sequence[Sequence[Box]], *, iou: float) -> list[list[Box]]:
    """Group the boxes of several people; every box is in one group, alone or with those it matches.

    The groups are in the order of their first boxes, the boxes in that of the people.
    """
    groups = {
        (person, place): [_Drawn(person, place, box)]
        for person, boxes in enumerate(drawn)
        for place, box in enumerate(boxes)
    }
    for _, first, second in sorted(_pairs([group[0] for group in groups.values()], iou)):
        one, other = groups[first], groups[second]
        if one is other or not _fit(one, other, iou):
            continue
        one += other
        for member in other:
            groups[member.person, member.place] = one
    distinct = {id(group): sorted(group, key=lambda one: one.person) for group in groups.values()}
    return [[one.box for one in group] for group in distinct.values()]


def merged(group: Sequence[Box]) -> dict[str, Any]:
    """The box whose four sides are the medians of the group's, in hundredths of a pixel."""
    left, top = median(box["left"] for box in group), median(box["top"] for box in group)
    right = median(box["left"] + box["width"] for box in group)
    bottom = median(box["top"] + box["height"] for box in group)
    sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return {"label": group[0]["label"], **{side: _hundredths(value) for side, value in sides.items()}}


def overlap(one: Box, other: Box) -> float:
    """IoU of two boxes: their common area over that of both."""
    wide = min(one["left"] + one["width"], other["left"] + other["width"]) - max(one["left"], other["left"])
    high = min(one["top"] + one["height"], other["top"] + other["height"]) - max(one["top"], other["top"])
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return float(common / (one["width"] * one["height"] + other["width"] * other["height"] - common))


def _objection(opinion: Opinion) -> str:
    return f"{opinion.by}: {opinion.unusable}" if opinion.by else str(opinion.unusable)


def _pairs(drawn: Iterable[_Drawn], iou: float) -> Iterator[tuple[float, tuple[int, int], tuple[int, int]]]:
    """The pairs that match, the best first when sorted; boxes are met from left to right."""
    met: list[_Drawn] = []
    for one in sorted(drawn, key=lambda each: (each.box["left"], each.person, each.place)):
        met = [each for each in met if each.box["left"] + each.box["width"] > one.box["left"]]
        for other in met:
            if other.person != one.person and other.box["label"] == one.box["label"]:
                value = overlap(one.box, other.box)
                if value >= iou:
                    first, second = sorted([(one.person, one.place), (other.person, other.place)])
                    yield -value, first, second
        met.append(one)


def _fit(one: Sequence[_Drawn], other: Sequence[_Drawn], iou: float) -> bool:
    if {each.person for each in one} & {each.person for each in other}:
        return False
    return all(overlap(here.box, there.box) >= iou for here in one for there in other)


def _agreement(counts: Sequence[int], groups: Sequence[Sequence[Box]]) -> dict[str, Any]:
    if len(counts) < 2:
        return {}
    overlaps = [overlap(one, other) for group in groups for one, other in combinations(group, 2)]
    # Each person is paired with each other one, so that each box is looked at once a pair.
    looked_at = sum(counts) * (len(counts) - 1)
    return {
        "mean_iou": round(fmean(overlaps), 4) if overlaps else None,
        "unmatched_share": round(1 - 2 * len(overlaps) / looked_at, 4) if looked_at else 0.0,
        "agreement": round(2 * sum(overlaps) / looked_at, 4) if looked_at else 1.0,
    }


def _hundredths(value: float) -> float | int:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
