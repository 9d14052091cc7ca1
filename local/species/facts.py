"""What has happened in a run so far, and nothing else: the report is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.species.application import Reply
from local.species.source import Material, Picture

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """A model's run: its package, what it measured, its data and the trials of its tuning.

    `tested` are the SHA-256 of the pictures that it was measured on. `page` is the file, beside the report,
    of the evaluation's own.
    """

    model: str
    package_arn: str
    seconds: float
    evaluation: Document
    split: Document
    quarantine: tuple[Document, ...]
    trials: tuple[Document, ...]
    tested: frozenset[str]
    page: str


@dataclass(frozen=True)
class Tried:
    """A picture that no model has seen, and what the API said of it."""

    picture: Picture
    reply: Reply


@dataclass
class Facts:
    """Filled in as the parts of the run end; what was not reached keeps its default."""

    material: Material | None = None
    trained: dict[str, Trained] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)  # model -> why its approval waited for others
    released: tuple[str, ...] = ()  # the packages that went to prod together
    tried: list[Tried] = field(default_factory=list)
