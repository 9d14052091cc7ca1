"""The list of the pictures that a data set does without, each with its reason."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline_defs.classification.sorted_lines import SortedLines


@dataclass(frozen=True)
class Quarantined:
    """A picture, a fixed word why, and what a person reads; `sha256` is empty where it was not read."""

    uri: str
    version_id: str | None
    sha256: str
    class_name: str
    reason: str
    detail: str

    def line(self) -> bytes:
        """Return its line of the list; lines sort by URI."""
        document = {
            "uri": self.uri, "version_id": self.version_id, "sha256": self.sha256,
            "class": self.class_name, "reason": self.reason, "detail": self.detail,
        }  # fmt: skip
        return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


class Quarantine:
    """Collects the list on disk; the order in which pictures are added does not show in it."""

    def __init__(self, folder: Path) -> None:
        self._lines = SortedLines(folder, "quarantine")
        self.by_reason: Counter[str] = Counter()
        self.by_class: Counter[str] = Counter()

    def add(self, entry: Quarantined) -> None:
        """Set a picture aside."""
        self.by_reason[entry.reason] += 1
        self.by_class[entry.class_name] += 1
        self._lines.add(entry.line())

    def __len__(self) -> int:
        return sum(self.by_reason.values())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def reasons(self) -> str:
        """Return the reasons and their counts in words, the most frequent first."""
        ordered = sorted(self.by_reason.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(f"{count} {reason}" for reason, count in ordered)
