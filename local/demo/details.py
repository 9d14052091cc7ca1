"""`details.json`: what the report tells beyond the summary, from a device back to the pictures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.demo.summary import write_json


@dataclass(frozen=True)
class Failure:
    """Where a run stopped, why, and what to do about it; one line each."""

    stage: str
    reason: str
    what_to_do: str = ""


@dataclass(frozen=True)
class Excluded:
    """Something that was set aside, by whom, and why."""

    name: str
    reason: str
    by: str  # "label file and folder", "labeling", "dataset"


@dataclass(frozen=True)
class Link:
    """One step of the chain from a device back to the pictures; `facts` by their names, in order."""

    kind: str  # "Device", "Component", "Model package", "Dataset manifest", "Labels"
    name: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Returned:
    """A picture that a device was unsure of and sent back."""

    device: str
    uri: str
    file: str  # name in the run's returned/ folder
    min_score: float | None = None
    max_score: float | None = None


@dataclass(frozen=True)
class Annotation:
    """What the people did: how many they are, what they answered, and what was wrong on purpose."""

    people: int
    labels: int
    mistakes: int
    approved: int
    rejected: int
    unusable: int


@dataclass(frozen=True)
class Worker:
    """Somebody who labelled: what they answered, by kind, and how many labels are theirs in the end."""

    name: str
    by_hand: bool  # a person, not a simulated one
    drawn: int
    checked: int
    settled: int
    kept: int


@dataclass(frozen=True)
class Details:
    """What `summary.json` has no field for."""

    source: str  # "300 synthetic tags", or the folder
    seed: int
    started: str  # ISO 8601
    classes: tuple[str, ...] = ()
    min_score: float = 0.25  # from which a detection counts
    git_commit: str | None = None
    failure: Failure | None = None
    grouping: str | None = None  # how the pictures of one object were told
    approved_by: str | None = None
    pages: Mapping[str, str] = field(default_factory=dict)  # title -> file beside the report
    annotation: Annotation | None = None
    workers: tuple[Worker, ...] = ()
    chain: tuple[Link, ...] = ()
    set_aside: tuple[Excluded, ...] = ()
    returned: tuple[Returned, ...] = ()
    notes: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write the details as JSON, in one step."""
        write_json(path, asdict(self))
