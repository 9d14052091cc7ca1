"""Pictures that stay out of the line, for the devices to inspect: their objects are never trained on."""

import random
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from local.demo.batch import Batch, Picture

SHARE = 0.08
LEAST, MOST = 4, 24
AT_MOST = 0.25  # of a small batch
GROUPS_TO_TRAIN = 3  # train, validation and test each need an object of their own

Grouping = Callable[[Sequence[Picture]], Sequence[Hashable]]


@dataclass(frozen=True)
class Holdout:
    """`uploads` go into the line, `fresh` to the devices; `left_out` shows the same objects as `fresh`."""

    uploads: tuple[Picture, ...]
    fresh: tuple[Picture, ...]
    left_out: tuple[Picture, ...] = ()
    note: str | None = None  # where the objects could not be kept apart


def hold_out(batch: Batch, *, group: Grouping, seed: int) -> Holdout:
    """Choose whole objects, at random from `seed`, until about 8 % of the labelled pictures are held out.

    The label file's groups count where it gives them; `group` names the objects of the pictures without one,
    by a value for each. The last pictures of a class are never taken.
    """
    labeled = batch.labeled
    wanted = min(max(round(SHARE * len(labeled)), LEAST), MOST, int(AT_MOST * len(labeled)))
    groups = _groups(labeled, group)
    chosen = _choose(groups, wanted, batch.classes, random.Random(seed))  # noqa: S311 - repeatable on purpose
    note = None
    if not chosen and wanted:
        note = (
            f"the pictures show {len(groups)} objects, too few to keep one from training: the devices "
            "inspect pictures that were never trained on, of objects that were"
        )
        chosen = _choose([[picture] for picture in labeled], wanted, batch.classes, random.Random(seed))  # noqa: S311
    taken = [picture for members in chosen for picture in members]
    fresh, left_out = taken[:MOST], taken[MOST:]
    contents = {picture.sha256 for picture in taken}
    uploads = tuple(picture for picture in batch.uploads if picture.sha256 not in contents)
    return Holdout(uploads, tuple(fresh), tuple(left_out), note)


def _groups(pictures: Sequence[Picture], group: Grouping) -> list[list[Picture]]:
    unknown = [picture for picture in pictures if picture.group is None]
    alike = dict(zip((p.sha256 for p in unknown), group(unknown), strict=True)) if unknown else {}
    members: dict[tuple[bool, Hashable], list[Picture]] = defaultdict(list)
    for picture in pictures:
        given = picture.group is not None
        members[(given, picture.group if given else alike[picture.sha256])].append(picture)
    return list(members.values())


def _choose(
    groups: Sequence[list[Picture]], wanted: int, classes: Sequence[str], chance: random.Random
) -> list[list[Picture]]:
    """Take groups that fit until enough is held out; where none fits, the smallest that may go."""
    left = {name: sum(_shows(members, name) for members in groups) for name in classes}
    order = sorted(groups, key=len)
    chance.shuffle(order)
    chosen: list[list[Picture]] = []

    def may_go(members: list[Picture]) -> bool:
        enough_left = len(groups) - len(chosen) > GROUPS_TO_TRAIN
        return enough_left and all(left[name] > 1 for name in classes if _shows(members, name))

    def take(members: list[Picture]) -> None:
        chosen.append(members)
        for name in classes:
            left[name] -= _shows(members, name)

    for members in order:
        held = sum(map(len, chosen))
        if held < wanted and held + len(members) <= wanted + wanted // 2 and may_go(members):
            take(members)
    if not chosen and wanted:
        smallest = next((members for members in sorted(order, key=len) if may_go(members)), None)
        if smallest is not None:
            take(smallest)
    return chosen


def _shows(members: Sequence[Picture], name: str) -> bool:
    return any(box.label == name for picture in members for box in picture.boxes or ())
