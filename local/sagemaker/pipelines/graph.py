"""Which steps of a pipeline may start, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.sagemaker.pipelines.definition import Step, split_step
from local.sagemaker.pipelines.expressions import is_expression


def needs(step: Step) -> set[str]:
    """Name the steps that must have succeeded first: those that it refers to and those of DependsOn."""
    arguments = step.get("Arguments", {})
    own = {key: value for key, value in arguments.items() if key not in ("IfSteps", "ElseSteps")}
    return {*_references(own), *step.get("DependsOn", [])} - {step["Name"]}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if is_expression(value) and isinstance(value.get("Get"), str):
            if value["Get"].startswith("Steps."):
                yield split_step(value["Get"])[0]
            return
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


class Graph:
    """The steps that wait. Those inside of a condition join when its branch is taken."""

    def __init__(self, steps: list[Step]) -> None:
        self._waiting = {step["Name"]: step for step in steps}
        self._succeeded: set[str] = set()

    def take_ready(self) -> list[Step]:
        """Take out the steps of which all that they need has succeeded."""
        ready = [step for step in self._waiting.values() if needs(step) <= self._succeeded]
        for step in ready:
            del self._waiting[step["Name"]]
        return ready

    def succeeded(self, name: str, branch: list[Step]) -> None:
        """Note a step's success, and let the steps of the branch that it took wait with the others."""
        self._succeeded.add(name)
        self._waiting.update({step["Name"]: step for step in branch})

    def left(self) -> dict[str, set[str]]:
        """Name the steps that wait and what each is still in need of."""
        return {name: needs(step) - self._succeeded for name, step in self._waiting.items()}
