"""The frozen split: what was assigned stays assigned for ever, and no object lies on two sides."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline_defs.common.job import JobError
from pipeline_defs.common.sides import SHARES

SPLITS = tuple(SHARES)
_FILL_FIRST = ("train", "test", "validation")


@dataclass(frozen=True)
class Assignment:
    """Which split each group, and each picture by its SHA-256, belongs to: the content of split.json."""

    groups: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return what is written to S3."""
        return {"version": 1, "groups": dict(self.groups), "images": dict(self.images)}

    @classmethod
    def parse(cls, document: object) -> "Assignment":
        """Read split.json; raises JobError if it is something else: guessing would unfreeze the test set."""
        known = isinstance(document, dict) and document.get("version") == 1
        if not known or not isinstance(document, dict) or not isinstance(document.get("groups"), dict):
            raise JobError(
                "split.json: not a frozen split of version 1; restore an earlier version of the object"
            )
        assignment = cls(groups=document["groups"], images=document.get("images", {}))
        strange = {*assignment.groups.values(), *assignment.images.values()} - set(SPLITS)
        if strange:
            raise JobError(
                f"split.json: {sorted(map(str, strange))} are no splits; restore an earlier version"
            )
        return assignment


@dataclass(frozen=True)
class Member:
    """A picture to be assigned: its group, and what it shows, for the balance."""

    sha256: str
    group: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class SplitResult:
    """The split of each usable picture by SHA-256, the new assignment, and the pictures that tie sides."""

    by_sha256: Mapping[str, str]
    assignment: Assignment
    tied: Mapping[str, str]  # SHA-256 -> reason


def assign_splits(members: Sequence[Member], before: Assignment, *, seed: int) -> SplitResult:
    """Keep what is assigned, let new pictures follow their group, and spread new groups by SHARES.

    A new picture whose group already lies on two sides is set aside. Raises JobError for an empty split.
    """
    groups: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.group].append(member)
    placed: dict[str, str] = {}
    tied: dict[str, str] = {}
    new: list[str] = []
    for key, pictures in groups.items():
        sides = _known_sides(key, pictures, before)
        if not sides:
            new.append(key)
        elif len(sides) == 1:
            placed.update((picture.sha256, min(sides)) for picture in pictures)
        else:
            placed.update(_keep(pictures, before))
            reason = f"ties objects on two sides of the frozen split together ({' and '.join(sorted(sides))})"
            tied.update((p.sha256, reason) for p in pictures if p.sha256 not in before.images)
    for key, split in _spread(new, groups, placed, seed).items():
        placed.update((picture.sha256, split) for picture in groups[key])
    _require_every_split(placed.values(), len(groups))
    return SplitResult(placed, _extended(before, members, placed, tied), tied)


def _known_sides(key: str, pictures: Iterable[Member], before: Assignment) -> set[str]:
    sides = {before.images[picture.sha256] for picture in pictures if picture.sha256 in before.images}
    return sides | ({before.groups[key]} if key in before.groups else set())


def _keep(pictures: Iterable[Member], before: Assignment) -> dict[str, str]:
    return {p.sha256: before.images[p.sha256] for p in pictures if p.sha256 in before.images}


def _spread(
    new: Sequence[str], groups: Mapping[str, Sequence[Member]], placed: Mapping[str, str], seed: int
) -> dict[str, str]:
    """Give each new group, large ones first, to the split that then is nearest to its share of everything."""
    features = {key: _features(pictures) for key, pictures in groups.items()}
    present: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for pictures in groups.values():
        for picture in pictures:
            if picture.sha256 in placed:
                present[placed[picture.sha256]] += _features([picture])
    total: Counter[str] = sum(features.values(), Counter())
    chosen: dict[str, str] = {}
    for key in sorted(new, key=lambda key: (-len(groups[key]), _draw(seed, key))):
        split = min(SPLITS, key=lambda split: _imbalance(present, split, features[key], total))
        chosen[key] = split
        present[split] += features[key]
    return _fill_empty(chosen, present, groups)


def _features(pictures: Iterable[Member]) -> Counter[str]:
    """Count what should be balanced: pictures, objects of each class, pictures without any."""
    counts: Counter[str] = Counter()
    for picture in pictures:
        counts["pictures"] += 1
        counts.update(f"class {label}" for label in picture.labels)
        if not picture.labels:
            counts["clean"] += 1
    return counts


def _imbalance(
    present: Mapping[str, Counter[str]], split: str, added: Counter[str], total: Counter[str]
) -> float:
    """Return how far the shares would be from SHARES, squared, if `added` went to `split`."""
    return sum(
        ((present[name][feature] + (added[feature] if name == split else 0)) / count - share) ** 2
        for name, share in SHARES.items()
        for feature, count in total.items()
    )


def _fill_empty(
    chosen: dict[str, str], present: Mapping[str, Counter[str]], groups: Mapping[str, Sequence[Member]]
) -> dict[str, str]:
    """Move the smallest new group of the richest split to each split that would have no picture."""
    for empty in (split for split in _FILL_FIRST if not present[split]):
        counts = Counter(chosen.values())
        rich = [key for key, split in chosen.items() if counts[split] > 1]
        if not rich:
            break
        key = min(rich, key=lambda key: (-counts[chosen[key]], len(groups[key]), key))
        chosen[key] = empty
    return chosen


def _extended(
    before: Assignment, members: Sequence[Member], placed: Mapping[str, str], tied: Mapping[str, str]
) -> Assignment:
    groups, images = dict(before.groups), dict(before.images)
    for member in members:
        if member.sha256 in placed and member.sha256 not in tied:
            groups.setdefault(member.group, placed[member.sha256])
            images.setdefault(member.sha256, placed[member.sha256])
    return Assignment(groups, images)


def _require_every_split(used: Iterable[str], group_count: int) -> None:
    missing = [split for split in SPLITS if split not in set(used)]
    if missing:
        raise JobError(
            f"no picture for {' and '.join(missing)}: {group_count} objects (groups of pictures) are few: "
            f"label more objects, or say with a group or a file-name rule which object each picture shows"
        )


def _draw(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
