"""The labels of a model in their order, and the hash that tells whether a parent and its children fit."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

FILE = "label_map.json"


class LabelMapError(ValueError):
    """Labels that cannot be a model's; the message is one line."""


@dataclass(frozen=True)
class ChildMap:
    """What a parent was trained to expect of a child: its model's name, and its classes in their order."""

    model: str
    classes: tuple[str, ...]

    @property
    def label_map_sha256(self) -> str:
        """The hash that the child's own label map has to have."""
        return labels_sha256(self.classes)


@dataclass(frozen=True)
class LabelMap:
    """A model's labels (a label's index is its position) and, of a parent, each group's child."""

    model: str
    labels: tuple[str, ...]
    children: Mapping[str, ChildMap] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The hash of the labels."""
        return labels_sha256(self.labels)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """What a picture can be of, in the labels' order: of a group the child's classes, else the label."""
        return tuple(name for label in self.labels for name in self._classes_of(label))

    @cached_property
    def class_numbers(self) -> Mapping[str, int]:
        """The number of each class, its place among them: what records carry."""
        return {name: number for number, name in enumerate(self.classes)}

    @cached_property
    def label_of_class(self) -> tuple[int, ...]:
        """The index of each class's label."""
        return tuple(index for index, label in enumerate(self.labels) for _ in self._classes_of(label))

    def _classes_of(self, label: str) -> tuple[str, ...]:
        return self.children[label].classes if label in self.children else (label,)

    def document(self) -> dict[str, Any]:
        """Return the content of label_map.json."""
        return {
            "model": self.model,
            "labels": list(self.labels),
            "sha256": self.sha256,
            "children": {
                group: {
                    "model": child.model,
                    "classes": list(child.classes),
                    "label_map_sha256": child.label_map_sha256,
                }
                for group, child in self.children.items()
            },
        }

    def write(self, folder: Path) -> None:
        """Write label_map.json into a folder that is there."""
        text = json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")


def label_map_from(document: Mapping[str, Any]) -> LabelMap:
    """Read what `document` gave; raises LabelMapError where a hash is not that of its labels."""
    try:
        children = {
            group: ChildMap(child["model"], tuple(child["classes"]))
            for group, child in document["children"].items()
        }
        found = LabelMap(document["model"], tuple(document["labels"]), children)
        hashes = {
            document["sha256"]: found.sha256,
            **{document["children"][g]["label_map_sha256"]: c.label_map_sha256 for g, c in children.items()},
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise LabelMapError(f"not a label map: {error!r}") from None
    if any(said != counted for said, counted in hashes.items()):
        raise LabelMapError("the label map's hash is not that of its labels")
    return found


def labels_sha256(labels: Sequence[str]) -> str:
    """Hash labels as canonical JSON (no spaces, UTF-8)."""
    canonical = json.dumps(list(labels), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
