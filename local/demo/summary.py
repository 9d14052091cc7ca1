"""`summary.json`: what the run came to, in the fields that others read; nothing that did not happen."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A part of the run that has ended."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Images:
    """How many pictures entered the line, and what became of them there."""

    total: int
    labeled: int
    relabeled: int
    quarantined: int


@dataclass(frozen=True)
class Dataset:
    """The dataset manifest (S3 URI), its own SHA-256, and the pictures in each part."""

    manifest: str
    sha256: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Model:
    """The registered package and what it scored on the frozen test set; no package where the gate said no."""

    package_arn: str | None
    map50: float
    map50_95: float
    threshold: float


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, the package that answers there, and the requests it had."""

    endpoint: str
    package_arn: str
    requests: int
    p50_ms: float | None


@dataclass(frozen=True)
class Device:
    """One core device; `status` is RUNNING where all is well."""

    name: str
    environment: str
    status: str
    component_versions: Mapping[str, str]
    package_arn: str | None
    inferences: int
    p50_ms: float | None
    images_returned: int


@dataclass(frozen=True)
class Calls:
    """Calls that IAM let pass and that it refused."""

    allowed: int
    denied: int


@dataclass(frozen=True)
class Iam:
    """All calls of the run, in sum and by principal."""

    calls_allowed: int
    calls_denied: int
    by_principal: Mapping[str, Calls]

    @classmethod
    def of(cls, log: Mapping[str, Any]) -> "Iam":
        """Read the local cloud's call log: {"calls_allowed", "calls_denied", "by_principal": {name: …}}."""
        by_principal = {
            name: Calls(int(calls["allowed"]), int(calls["denied"]))
            for name, calls in sorted(log["by_principal"].items())
        }
        return cls(int(log["calls_allowed"]), int(log["calls_denied"]), by_principal)


@dataclass(frozen=True)
class Summary:
    """The whole run; a part that was not reached is None, or empty."""

    seconds: float
    stages: tuple[Stage, ...] = ()
    images: Images | None = None
    dataset: Dataset | None = None
    model: Model | None = None
    staging: Endpoint | None = None
    prod: Endpoint | None = None
    devices: tuple[Device, ...] = field(default=())
    iam: Iam | None = None

    def write(self, path: Path) -> None:
        """Write the summary as JSON; a reader sees the old file or the new one, never half of one."""
        write_json(path, asdict(self))


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file in one step; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        content = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        unfinished.write_text(content + "\n", encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
