"""What `pipeline_defs.upsert` asks of a task: its pipeline, its files, and what an execution is told."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline_defs.common.settings import Settings


@dataclass(frozen=True)
class Clients:
    """How a build reaches AWS."""

    s3: Any
    sagemaker: Any


class Task(Protocol):
    """One way of training; each task is a package of pipeline_defs with a module `start`."""

    def files(self, settings: Settings) -> Mapping[str, bytes]:
        """Give what the jobs of this one model find beside the code: path -> content."""

    def definition(self, settings: Settings, code: str) -> str:
        """Describe the pipeline as JSON; `code` is the prefix of the sources that its jobs run."""

    def lacking(self, clients: Clients, settings: Settings, options: argparse.Namespace) -> str:
        """Say why a training would have nothing to train on, or ""."""

    def parameters(
        self, clients: Clients, settings: Settings, options: argparse.Namespace
    ) -> dict[str, object]:
        """Give the parameters of an execution that only this task has; None or "" keeps the default."""
