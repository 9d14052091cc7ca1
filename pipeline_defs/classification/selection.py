"""Which checked pictures the data set keeps: one of exact copies, and none that several classes claim.

What stays and what goes depends on the pictures alone, never on the order in which they were listed.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import BinaryIO

import numpy as np

from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.examination import Checked
from pipeline_defs.classification.near_duplicates import MANY_CLASSES, NOBODY, find_likeness
from pipeline_defs.classification.quarantine import Quarantine, Quarantined
from pipeline_defs.classification.sorted_lines import SortedLines

DUPLICATE = "duplicate"
DUPLICATE_ACROSS = "duplicate across classes"
NEAR_DUPLICATE_ACROSS = "near-duplicate across classes"


@dataclass
class Kept:
    """Counts of what stays, and how many pictures each group of several has, the largest first."""

    by_class: Counter[str] = field(default_factory=Counter)
    by_format: Counter[str] = field(default_factory=Counter)
    groups: list[int] = field(default_factory=list)


class Selection:
    """Every different picture of the rows, in the order of their SHA-256, each with its exact copies."""

    def __init__(self, rows: SortedLines, classes: tuple[str, ...]) -> None:
        self._rows, self._classes = rows, classes
        numbers = {name: number for number, name in enumerate(classes)}
        starts, hashes, of_class = array("Q"), array("Q"), array("q")
        self._claims: dict[int, str] = {}
        for number, (first, copies) in enumerate(self._with_copies()):
            claims = {first.class_name, *(copy.class_name for copy in copies)}
            starts.append(int(first.sha256[:16], 16))
            hashes.append(int(first.dhash, 16))
            of_class.append(numbers[first.class_name] if len(claims) == 1 else MANY_CLASSES)
            if len(claims) > 1:
                self._claims[number] = ", ".join(sorted(claims))
        self._starts = starts
        self._hashes = np.frombuffer(hashes, dtype=np.uint64)
        self._of_class = np.frombuffer(of_class, dtype=np.int64)

    def write(self, target: BinaryIO, quarantine: Quarantine, labels: Mapping[str, str], bits: int) -> Kept:
        """Write a line for each picture that stays, sorted by SHA-256, and set the others aside.

        Raises JobError where the pictures look too much alike for `bits`.
        """
        likeness = find_likeness(self._hashes, self._of_class, bits)
        kept, sizes = Kept(), np.zeros(len(self._hashes), dtype=np.int64)
        for number, (first, copies) in enumerate(self._with_copies()):
            if number in self._claims:
                for copy in chain([first], copies):
                    detail = f"the same bytes are in {self._claims[number]}"
                    quarantine.add(_set_aside(copy, DUPLICATE_ACROSS, detail))
                continue
            for copy in copies:
                quarantine.add(_set_aside(copy, DUPLICATE, f"the same bytes as {first.uri}"))
            witness = int(likeness.of_another_class[number])
            if witness != NOBODY:
                quarantine.add(_set_aside(first, NEAR_DUPLICATE_ACROSS, self._described(witness)))
                continue
            group = int(likeness.groups[number])
            target.write(_line(first, labels[first.class_name], self._name(group)))
            kept.by_class[first.class_name] += 1
            kept.by_format[first.format] += 1
            sizes[group] += 1
        kept.groups = sorted(sizes[sizes > 1].tolist(), reverse=True)
        return kept

    def _with_copies(self) -> Iterator[tuple[Checked, Iterator[Checked]]]:
        """Give each picture, the first of its copies by class and URI, and the other copies."""
        for _, same in groupby(map(Checked.parse, self._rows), key=lambda one: one.sha256):
            copies = iter(same)
            yield next(copies), copies

    def _described(self, witness: int) -> str:
        number = int(self._of_class[witness])
        of_class = "of several classes" if number == MANY_CLASSES else f"of {self._classes[number]}"
        return f"nearly the picture {self._name(witness)}… {of_class}"

    def _name(self, number: int) -> str:
        return f"{self._starts[number]:016x}"


def _line(picture: Checked, label: str, group: str) -> bytes:
    return Image(
        uri=picture.uri,
        version_id=picture.version_id,
        sha256=picture.sha256,
        size=picture.size,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        class_name=picture.class_name,
        label=label,
        dhash=picture.dhash,
        group=group,
    ).line()


def _set_aside(picture: Checked, reason: str, detail: str) -> Quarantined:
    return Quarantined(picture.uri, picture.version_id, picture.sha256, picture.class_name, reason, detail)
