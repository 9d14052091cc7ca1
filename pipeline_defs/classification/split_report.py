"""What became of the pictures: how many of each class are on each side, and which are on none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.frozen_split import ASIDE, SIDES
from pipeline_defs.classification.split import Assigned, Members, names_of

_NAMED = 20


@dataclass
class SplitReport:
    """Counts as the pictures are told to it; `torn` are those whose group lies on several sides for ever."""

    classes: Sequence[str]
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {side: Counter() for side in SIDES})
    set_aside: list[dict[str, str]] = field(default_factory=list)
    torn: list[dict[str, str]] = field(default_factory=list)
    torn_count: int = 0

    def add(self, image: Image, side: int, kinds: int) -> None:
        """Count a picture; `kinds` are the sides of its group, as Assigned has them."""
        of_group = names_of(kinds)
        if side == ASIDE:
            self.set_aside.append({"uri": image.uri, "sha256": image.sha256, "reason": _reason(of_group)})
            return
        self.counts[SIDES[side]][image.class_name] += 1
        if len(of_group) > 1:
            self.torn_count += 1
            if len(self.torn) < _NAMED:
                self.torn.append({"uri": image.uri, "side": SIDES[side], "group": image.group})

    def document(self, members: Members, assigned: Assigned) -> dict[str, Any]:
        """Return report.json without what the job itself adds."""
        return {
            "sides": {
                side: {
                    "pictures": counts.total(),
                    "groups": len(np.unique(members.groups[assigned.sides == number])),
                    "by_class": {name: counts[name] for name in self.classes},
                }
                for number, (side, counts) in enumerate(self.counts.items())
            },
            "full": {"pictures": self.counts["train"].total() + self.counts["validation"].total()},
            "set_aside": self.set_aside,
            "torn": {"pictures": self.torn_count, "first": self.torn},
            "lacking": [
                {"class": name, "side": side}
                for side, counts in self.counts.items()
                for name in self.classes
                if not counts[name]
            ],
            "frozen": len(assigned.frozen.digests),
        }

    def line(self, kept: int) -> str:
        """Return it in a line for the log; `kept` pictures have the side that they had before."""
        counts = ", ".join(f"{side} {counts.total()}" for side, counts in self.counts.items())
        aside = f"set aside {len(self.set_aside)}, of torn groups {self.torn_count}"
        return f"{counts}, {aside}; {kept} keep the side that they had"


def _reason(sides: list[str]) -> str:
    if len(sides) > 1:
        return f"ties near-duplicates on two sides of the frozen split together ({' and '.join(sides)})"
    return "was set aside before, or is a near-duplicate of one that was: it tied two sides together"
