"""What a user edits in `edgeline.toml`, read into frozen dataclasses; a wrong value is one clear line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from config_endpoint import INSTANCE, Endpoint, read_endpoint
from config_labeling import SCHEDULE, Instruction, Labeling, read_instructions, read_labeling
from config_table import ConfigError, Table

Task = Literal["detection", "classification"]
SourceKind = Literal["codecommit", "connection", "s3"]
PARTS = ("labeling", "training", "promotion", "edge")

_NAME = r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*"
_ACCOUNT = r"\d{12}"
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
_CONNECTION = r"arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/.+"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_NOT_CODE = ("docs/**", "**.md", "LICENSE")


@dataclass(frozen=True)
class Accounts:
    """Where the stages go; None leaves the templates to the account that the credentials are of.

    `staging` and `prod` are the tools account where nothing else is said.
    """

    tools: str | None = None
    staging: str | None = None
    prod: str | None = None
    region: str | None = None

    @property
    def several(self) -> bool:
        """Whether staging or prod has an account of its own."""
        return len({self.tools, self.staging, self.prod}) > 1


@dataclass(frozen=True)
class Delivery:
    """Where the code comes from, and what of a push starts nothing.

    `repository` is a CodeCommit repository, which the Delivery stack makes, or OWNER/NAME behind a
    connection; for `s3` the Delivery stack makes a bucket. A push whose files all match a pattern of
    `ignore` starts nothing. `approve_prod`: whether a person lets a deployment on from staging to prod.
    """

    source: SourceKind = "codecommit"
    repository: str = ""
    branch: str = "main"
    connection_arn: str | None = None
    ignore: tuple[str, ...] = _NOT_CODE
    approve_prod: bool = True


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
class Model:
    """One model: what it detects, what it is trained on, and when it is good enough.

    `schedule` is an EventBridge expression on which it is trained anew; None trains on a push or by hand.
    `group_rule` is a regular expression on an image's file name whose first group names the physical object.
    `instructions` are what annotators are told of its classes, in the order of these.
    `tolerance` is how far staging may score from the registered evaluation, in mAP. `drift` is how far the
    share of pictures without a detection, and the mean score, may move in prod from what was registered.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    schedule: str | None = None
    map50_threshold: float = 0.6
    group_rule: str | None = None
    train_instance: str = "ml.m5.2xlarge"
    train_steps: int = 1500
    job_instance: str = "ml.m5.xlarge"
    staging: Endpoint = field(default_factory=Endpoint)
    prod: Endpoint = field(default_factory=Endpoint)
    tolerance: float = 0.02
    min_score: float = 0.25
    drift: float = 0.25
    instructions: tuple[Instruction, ...] = ()

    @property
    def output_suffix(self) -> str:
        """The name as it ends a stack output's key: `metal-tags` is `MetalTags`."""
        return "".join(word.capitalize() for word in self.name.split("-"))


@dataclass(frozen=True)
class Fleet:
    """The devices that run one model; a score from `unsure_low` up to `unsure_high` sends the image back."""

    model: str
    staging_group: str
    prod_group: str
    unsure_low: float = 0.15
    unsure_high: float = 0.6
    health_timeout_minutes: int = 30


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
        top = Table(f"{file}: ", values)
        name = top.text("name", pattern=_NAME, longest=20)
        models = tuple(_model(key, table) for key, table in top.tables("models"))
        config = cls(
            name=name,
            parts=top.words("parts", PARTS, among=PARTS),
            accounts=_accounts(top.table("accounts", optional=True)),
            delivery=_delivery(top.table("delivery"), name) if "delivery" in values else None,
            data=_data(top.table("data", optional=True)),
            budget=_budget(top.table("budget", optional=True)),
            labeling=read_labeling(top.table("labeling", optional=True)),
            promotion=_promotion(top.table("promotion", optional=True)),
            models=models,
            fleet=_fleet(top.table("fleet", optional=True), name, models),
        )
        top.end()
        return config

    def model(self, name: str) -> Model:
        """The model of this name; KeyError when there is none."""
        return {model.name: model for model in self.models}[name]


def _accounts(table: Table) -> Accounts:
    tools = table.text("tools", None, pattern=_ACCOUNT)
    accounts = Accounts(
        tools=tools,
        staging=table.text("staging", tools, pattern=_ACCOUNT),
        prod=table.text("prod", tools, pattern=_ACCOUNT),
        region=table.text("region", None, pattern=_REGION),
    )
    table.end()
    if tools is None and (accounts.staging or accounts.prod):
        raise table.wrong("tools", "missing; staging and prod have accounts, so it needs one too")
    if (accounts.tools is None) != (accounts.region is None):
        missing = "tools" if accounts.tools is None else "region"
        raise table.wrong(missing, "missing; name the accounts and the region, or none of them")
    return accounts


def _delivery(table: Table, name: str) -> Delivery:
    source = cast(SourceKind, table.text("source", "codecommit", among=("codecommit", "connection", "s3")))
    connected = source == "connection"
    delivery = Delivery(
        source=source,
        repository=_repository(table, source, name),
        branch=table.text("branch", "main", pattern=r"[A-Za-z0-9._/-]+"),
        connection_arn=table.text("connection_arn", pattern=_CONNECTION) if connected else None,
        ignore=table.words("ignore", _NOT_CODE),
        approve_prod=table.flag("approve_prod", True),
    )
    table.end()
    if connected and len(delivery.ignore) > 8:
        raise table.wrong("ignore", f"{len(delivery.ignore)} patterns; a connection takes 8 at most")
    return delivery


def _repository(table: Table, source: SourceKind, name: str) -> str:
    if source == "s3":
        return ""
    if source == "connection":
        return str(table.text("repository", pattern=r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+"))
    return str(table.text("repository", name, pattern=r"[A-Za-z0-9._-]+", longest=100))


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


def _model(name: str, table: Table) -> Model:
    if not re.fullmatch(_NAME, name) or len(name) > 24:
        raise table.wrong("", f"the model's name {name!r} does not match {_NAME} within 24 characters")
    classes = table.words("classes")
    model = Model(
        name=name,
        task=cast(Task, table.text("task", among=("detection",))),
        classes=classes,
        schedule=table.text("schedule", None, pattern=SCHEDULE),
        map50_threshold=table.number("map50_threshold", 0.6),
        group_rule=_group_rule(table),
        train_instance=table.text("train_instance", Model.train_instance, pattern=INSTANCE),
        train_steps=table.whole("train_steps", Model.train_steps, low=1, high=1_000_000),
        job_instance=table.text("job_instance", Model.job_instance, pattern=INSTANCE),
        staging=read_endpoint(table.table("staging", optional=True), prod=False),
        prod=read_endpoint(table.table("prod", optional=True), prod=True),
        tolerance=table.number("tolerance", 0.02),
        min_score=table.number("min_score", 0.25),
        drift=table.number("drift", Model.drift, low=0.01),
        instructions=read_instructions(table.table("instructions", optional=True), classes),
    )
    table.end()
    return model


def _group_rule(table: Table) -> str | None:
    rule = cast(str | None, table.text("group_rule", None))
    if rule is None:
        return None
    try:
        groups = re.compile(rule).groups
    except re.error as error:
        raise table.wrong("group_rule", f"{rule!r} is not a regular expression: {error}") from None
    if not groups:
        raise table.wrong("group_rule", f"{rule!r} has no group ( ) that names the object")
    return rule


def _fleet(table: Table, name: str, models: Sequence[Model]) -> Fleet:
    fleet = Fleet(
        model=table.text("model", models[0].name, among=[model.name for model in models]),
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
