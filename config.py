"""What a user edits in `edgeline.toml`, read into frozen dataclasses; a wrong value is one clear line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config_classification import ClassificationModel
from config_delivery import Accounts, Delivery, read_accounts, read_delivery
from config_labeling import Labeling, read_labeling
from config_model import DetectionModel, Model
from config_table import ConfigError, Table
from config_trees import NAME, Tree, read_models, trees_of, with_inherited

PARTS = ("labeling", "training", "promotion", "edge")

_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_OF_DETECTORS = ("labeling", "edge")  # what people draw for, and what devices run
_VPC = r"vpc-[0-9a-f]+"
_SUBNET = r"subnet-[0-9a-f]+"


@dataclass(frozen=True)
class Data:
    """What becomes of images, labels and models when the stack is destroyed: kept, or deleted with it."""

    keep: bool = True


@dataclass(frozen=True)
class Budget:
    """What the account may cost in a month, in US dollars, and who is told before it does."""

    monthly_usd: int = 200
    email: str | None = None


@dataclass(frozen=True)
class Promotion:
    """Who is told of requests for approval, of promotions and of what went wrong with them."""

    email: str | None = None


@dataclass(frozen=True)
class Fleet:
    """The devices that run one detector; a score from `unsure_low` up to `unsure_high` sends the image back.

    Without a detector there is no part `edge`, and `model` is empty.
    """

    model: str
    staging_group: str
    prod_group: str
    unsure_low: float = 0.15
    unsure_high: float = 0.6
    health_timeout_minutes: int = 30


@dataclass(frozen=True)
class Studio:
    """The network of the SageMaker Studio domain, where one is wanted."""

    vpc_id: str
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True)
class Edgeline:
    """The whole configuration."""

    name: str
    parts: tuple[str, ...]
    accounts: Accounts
    delivery: Delivery | None
    data: Data
    budget: Budget
    labeling: Labeling
    promotion: Promotion
    models: tuple[Model, ...]
    fleet: Fleet
    studio: Studio | None = None

    @classmethod
    def read(cls, path: Path) -> Edgeline:
        """Read a TOML file; raise `ConfigError` naming the file, the key and what is wrong with it."""
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; pass another with -c config=PATH") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid TOML: {error}") from None
        return cls.from_values(values, file=path.name)

    @classmethod
    def from_values(cls, values: Mapping[str, Any], *, file: str = "edgeline.toml") -> Edgeline:
        """Build from the parsed file; `file` is the name that errors start with."""
        top = Table(f"{file}: ", _filled(values))
        name = top.text("name", pattern=NAME, longest=20)
        models = read_models(top)
        config = cls(
            name=name,
            parts=_parts(top, models),
            accounts=read_accounts(top.table("accounts", optional=True)),
            delivery=read_delivery(top.table("delivery"), name) if "delivery" in values else None,
            data=_data(top.table("data", optional=True)),
            budget=_budget(top.table("budget", optional=True)),
            labeling=read_labeling(top.table("labeling", optional=True)),
            promotion=_promotion(top.table("promotion", optional=True)),
            models=models,
            fleet=_fleet(top.table("fleet", optional=True), name, models),
            studio=_studio(top.table("studio")) if "studio" in values else None,
        )
        top.end()
        if config.studio is not None and "training" not in config.parts:
            raise top.wrong("studio", "is where trainings are started, and parts leaves training out")
        return config

    @property
    def detectors(self) -> tuple[DetectionModel, ...]:
        """The models that people draw boxes for, and that devices run."""
        return tuple(model for model in self.models if isinstance(model, DetectionModel))

    @property
    def classifiers(self) -> tuple[ClassificationModel, ...]:
        """The models that name what a picture shows: parents, children, and those that are neither."""
        return tuple(model for model in self.models if isinstance(model, ClassificationModel))

    @property
    def trees(self) -> tuple[Tree, ...]:
        """The parents, each with its children."""
        return trees_of(self.models)

    def tree_of(self, model: Model) -> Tree | None:
        """The tree that a model is the parent or a child of; None where it is neither."""
        return next((tree for tree in self.trees if model in tree.members), None)

    def model(self, name: str) -> Model:
        """The model of this name; KeyError when there is none."""
        return {model.name: model for model in self.models}[name]


def _filled(values: Mapping[str, Any]) -> Mapping[str, Any]:
    models = values.get("models")
    return {**values, "models": with_inherited(models)} if isinstance(models, dict) else values


def _parts(top: Table, models: Sequence[Model]) -> tuple[str, ...]:
    parts = top.words("parts", PARTS, among=PARTS)
    idle = [part for part in parts if part in _OF_DETECTORS]
    if idle and not any(isinstance(model, DetectionModel) for model in models):
        rest = [part for part in parts if part not in idle]
        without = f"no model detects, so leave out {' and '.join(idle)}: parts = {json.dumps(rest)}"
        raise top.wrong("parts", without)
    return parts


def _data(table: Table) -> Data:
    data = Data(keep=table.flag("keep", True))
    table.end()
    return data


def _budget(table: Table) -> Budget:
    budget = Budget(
        monthly_usd=table.whole("monthly_usd", Budget.monthly_usd, low=1, high=10_000_000),
        email=table.text("email", None, pattern=_EMAIL),
    )
    table.end()
    return budget


def _promotion(table: Table) -> Promotion:
    promotion = Promotion(email=table.text("email", None, pattern=_EMAIL))
    table.end()
    return promotion


def _studio(table: Table) -> Studio:
    studio = Studio(
        vpc_id=table.text("vpc_id", pattern=_VPC),
        subnet_ids=table.words("subnet_ids", pattern=_SUBNET),
    )
    table.end()
    return studio


def _fleet(table: Table, name: str, models: Sequence[Model]) -> Fleet:
    fleet = Fleet(
        model=_fleet_model(table, models),
        staging_group=table.text("staging_group", f"{name}-staging", pattern="[a-zA-Z0-9:_-]+", longest=128),
        prod_group=table.text("prod_group", f"{name}-prod", pattern="[a-zA-Z0-9:_-]+", longest=128),
        unsure_low=table.number("unsure_low", 0.15),
        unsure_high=table.number("unsure_high", 0.6),
        health_timeout_minutes=table.whole("health_timeout_minutes", 30, low=1, high=24 * 60),
    )
    table.end()
    if fleet.unsure_low >= fleet.unsure_high:
        raise table.wrong("unsure_low", f"{fleet.unsure_low} is not below unsure_high {fleet.unsure_high}")
    if fleet.staging_group == fleet.prod_group:
        raise table.wrong("prod_group", f"{fleet.prod_group!r} is the staging group too")
    return fleet


def _fleet_model(table: Table, models: Sequence[Model]) -> str:
    detectors = [model.name for model in models if isinstance(model, DetectionModel)]
    name = table.text("model", detectors[0] if detectors else "", among=[model.name for model in models])
    if name and name not in detectors:
        raise table.wrong("model", f"{name!r} does not detect, and devices run what does")
    return str(name)
