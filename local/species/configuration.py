"""The edgeline.toml of a run: the tree of the pictures' groups, and one flat model to compare it with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from local.species.source import Material, model_name

TREE, FLAT = "species", "flat"
PREFIX = f"images/{TREE}/"
_BAKE_SECONDS = 5  # nobody waits minutes for traffic that does not come


@dataclass(frozen=True)
class Budget:
    """How long every model of a run learns: epochs of the whole training and of each trial.

    The defaults are for drawn pictures; REAL ones have more to look at.
    """

    input_size: int = 64  # pixels
    epochs: int = 24
    trials: int = 4
    trial_epochs: int = 6
    trial_share: float = 0.5

    @property
    def doubled(self) -> "Budget":
        """Twice as long."""
        return replace(self, epochs=2 * self.epochs, trial_epochs=2 * self.trial_epochs)


REAL = Budget(input_size=96, epochs=30, trial_epochs=8)


def write_configuration(material: Material, budget: Budget, folder: Path) -> Path:
    """Write `folder`/edgeline.toml; return its path.

    The flat model gets as many picture passes as the parent and its children have together: the parent sees
    every picture, and so do the children between them.
    """
    everything = [name for names in material.tree.values() for name in names]
    tables = [
        ['name = "edgeline"', 'parts = ["training", "promotion"]'],
        _model(TREE, material.own_classes, budget, data=PREFIX),
        _tuning(TREE, budget),
        *(_environment(TREE, name, members=1 + len(material.children)) for name in ("staging", "prod")),
        *(
            _model(model_name(group), species, budget, parent=TREE)
            for group, species in material.children.items()
        ),
        _model(FLAT, everything, budget.doubled, data=PREFIX),
        _tuning(FLAT, budget.doubled),
    ]
    path = folder / "edgeline.toml"
    path.write_text("\n\n".join("\n".join(table) for table in tables) + "\n", encoding="utf-8")
    return path


def _model(name: str, classes: Sequence[str], budget: Budget, **named: str) -> list[str]:
    return [
        f"[models.{name}]",
        'task = "classification"',
        *(f"{key} = {json.dumps(value)}" for key, value in named.items()),
        *([f"classes = {json.dumps(list(classes), ensure_ascii=False)}"] if classes else []),
        f"input_size = {budget.input_size}",
        f"epochs = {budget.epochs}",
        "top1_threshold = 0  # whatever it reaches is what the run is to show",
    ]


def _tuning(model: str, budget: Budget) -> list[str]:
    """Children search as their parent does."""
    return [
        f"[models.{model}.tuning]",
        f"jobs = {budget.trials}",
        f"epochs = {budget.trial_epochs}",
        f"share = {budget.trial_share}",
    ]


def _environment(model: str, environment: str, *, members: int) -> list[str]:
    """One endpoint with a component for each model of the tree, and room for a new one beside each."""
    bake = [f"bake_seconds = {_BAKE_SECONDS}"] if environment == "prod" else []
    return [f"[models.{model}.{environment}]", 'kind = "components"', f"max_instances = {members}", *bake]
