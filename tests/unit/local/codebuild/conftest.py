from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.cloud.processes import Processes
from local.codebuild.build_environment import BuildEnvironment
from local.codebuild.build_log import BuildLog
from local.codebuild.buildspec import Buildspec, parse
from local.codebuild.commands import Commands
from local.codebuild.record import BuildRecord
from local.codebuild.shell import Shell

PATIENCE_SECONDS = 60


@dataclass
class Bench:
    """A build without CodeBuild around it: its shell, its record and what it printed."""

    folder: Path
    processes: Processes
    variables: dict[str, str] = field(default_factory=dict)
    seconds: float = PATIENCE_SECONDS
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = BuildRecord({"id": "p:1"})
        self.log = BuildLog(self.folder / "build.log", self.lines.append)

    def run(self, text: str) -> tuple[bool, bool]:
        """Run a buildspec's phases; whether all succeeded, and whether artifacts are uploaded."""
        buildspec = parse(text)
        self.commands = self.prepare(buildspec)
        return self.commands.run(buildspec)

    def prepare(self, buildspec: Buildspec) -> Commands:
        source, scratch = self.folder / "src", self.folder / "work"
        for made in (source, scratch):
            made.mkdir(exist_ok=True)
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        self.shell = Shell(
            self.processes, buildspec.shell, environment={"PATH": path, **self.variables},
            folder=source, scratch=scratch, say=self.log.write,
        )  # fmt: skip
        return Commands(
            self.shell, self.log, self.record, BuildEnvironment(self.folder / "environment"),
            source=source, deadline=time.monotonic() + self.seconds,
        )  # fmt: skip

    @property
    def phases(self) -> dict[str, str]:
        return {p["phaseType"]: p.get("phaseStatus", "") for p in self.record.snapshot()["phases"]}

    @property
    def printed(self) -> list[str]:
        """What the commands printed, without CodeBuild's own lines."""
        return [line for line in self.lines if not line.startswith("[Container]")]

    def close(self) -> None:
        self.shell.close()
        self.log.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    processes = Processes()
    made: list[Bench] = []

    def make(**options: object) -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Bench(folder, processes, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
    processes.close()
