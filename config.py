"""What a user edits in `edgeline.toml`, read into frozen dataclasses; a wrong value is one clear line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

Backend = Literal["workbench", "ground_truth"]
Task = Literal["detection", "classification"]
EndpointKind = Literal["serverless", "realtime"]

_NAME = r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*"
_SCHEDULE = r"(rate|cron)\(.+\)"
_INSTANCE = r"ml\.[a-z0-9-]+\.[a-z0-9]+"
_REQUIRED = object()


class ConfigError(ValueError):
    """A key of the configuration file is missing, unknown or wrong; the message is one line."""


@dataclass(frozen=True)
class Tools:
    """The account and region of the tools stage; both None leaves the templates environment-agnostic."""

    account: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Labeling:
    """How images get their labels; `schedule` is an EventBridge expression, None starts nothing by itself."""

    backend: Backend = "workbench"
    schedule: str | None = None
    max_rounds: int = 3
    round_timeout_hours: int = 72


@dataclass(frozen=True)
class Endpoint:
    """One SageMaker endpoint: memory and concurrency count for serverless, instances for realtime."""

    kind: EndpointKind = "serverless"
    memory_mb: int = 3072
    max_concurrency: int = 5
    instance_type: str = "ml.m5.large"
    instances: int = 1


@dataclass(frozen=True)
class Model:
    """One model: what it detects, what it is trained on, and when it is good enough.

    `group_rule` is a regular expression on an image's file name whose first group names the physical object.
    `tolerance` is how far staging may score under the registered evaluation, in mAP.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    map50_threshold: float = 0.6
    group_rule: str | None = None
    train_instance: str = "ml.m5.2xlarge"
    train_steps: int = 1500
    job_instance: str = "ml.m5.xlarge"
    staging: Endpoint = field(default_factory=Endpoint)
    prod: Endpoint = field(default_factory=Endpoint)
    tolerance: float = 0.02
    min_score: float = 0.25

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
    tools: Tools
    labeling: Labeling
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
        top = _Table(f"{file}: ", values)
        name = top.text("name", pattern=_NAME, longest=20)
        models = tuple(_model(key, table) for key, table in top.tables("models"))
        config = cls(
            name=name,
            tools=_tools(top.table("tools", optional=True)),
            labeling=_labeling(top.table("labeling", optional=True)),
            models=models,
            fleet=_fleet(top.table("fleet", optional=True), name, models),
        )
        top.end()
        return config

    def model(self, name: str) -> Model:
        """The model of this name; KeyError when there is none."""
        return {model.name: model for model in self.models}[name]


class _Table:
    """A TOML table that is read key by key, and complains about what nobody asked for."""

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self._path, self._left = path, dict(values)

    def wrong(self, key: str, complaint: str) -> ConfigError:
        return ConfigError(f"{self._path}{key}: {complaint}")

    def text(
        self, key: str, default: Any = _REQUIRED, *, pattern: str = ".+", longest: int = 200,
        among: Sequence[str] = (),
    ) -> Any:  # fmt: skip
        value = self._take(key, default, str, "text")
        if value is default:
            return value
        if among and value not in among:
            raise self.wrong(key, f"{value!r} is not one of {', '.join(among)}")
        if not re.fullmatch(pattern, value):
            raise self.wrong(key, f"{value!r} does not match {pattern}")
        if len(value) > longest:
            raise self.wrong(key, f"{value!r} is longer than {longest} characters")
        return value

    def number(self, key: str, default: float, *, low: float = 0, high: float = 1) -> float:
        return float(self._between(key, self._take(key, default, (int, float), "a number"), low, high))

    def whole(self, key: str, default: int, *, low: int, high: int) -> int:
        return int(self._between(key, self._take(key, default, int, "a whole number"), low, high))

    def words(self, key: str) -> tuple[str, ...]:
        values = self._take(key, _REQUIRED, list, "a list of text")
        bad = [word for word in values if not isinstance(word, str) or not re.fullmatch(r"[^,\s][^,]*", word)]
        if bad or not values:
            raise self.wrong(key, f"{values!r} is not a list of at least one text without commas")
        if len(set(values)) < len(values):
            raise self.wrong(key, f"{values!r} names a class twice")
        return tuple(values)

    def table(self, key: str, *, optional: bool = False) -> _Table:
        values = self._take(key, {} if optional else _REQUIRED, dict, "a table")
        return _Table(f"{self._path}{key}.", values)

    def tables(self, key: str) -> Iterator[tuple[str, _Table]]:
        values = self._take(key, _REQUIRED, dict, "a table")
        if not values:
            raise self.wrong(key, f"is empty; add a [{key}.NAME] table")
        for name, inner in values.items():
            if not isinstance(inner, dict):
                raise self.wrong(f"{key}.{name}", f"{inner!r} is not a table")
            yield name, _Table(f"{self._path}{key}.{name}.", inner)

    def end(self) -> None:
        for key in self._left:
            raise self.wrong(key, "unknown key")

    def _take(self, key: str, default: Any, kind: type | tuple[type, ...], kind_name: str) -> Any:
        value = self._left.pop(key, default)
        if value is _REQUIRED:
            raise self.wrong(key, "missing")
        if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.wrong(key, f"{value!r} is not {kind_name}")
        return value

    def _between(self, key: str, value: float, low: float, high: float) -> float:
        if not low <= value <= high:
            raise self.wrong(key, f"{value} is not between {low} and {high}")
        return value


def _tools(table: _Table) -> Tools:
    tools = Tools(
        account=table.text("account", None, pattern=r"\d{12}"),
        region=table.text("region", None, pattern=r"[a-z]{2}(-[a-z]+)+-\d"),
    )
    table.end()
    if (tools.account is None) != (tools.region is None):
        missing = "account" if tools.account is None else "region"
        raise table.wrong(missing, "missing; name both the account and the region, or neither")
    return tools


def _labeling(table: _Table) -> Labeling:
    labeling = Labeling(
        # "ground_truth" is closed to new customers; it comes with the backend itself.
        backend=cast(Backend, table.text("backend", "workbench", among=("workbench",))),
        schedule=table.text("schedule", None, pattern=_SCHEDULE),
        max_rounds=table.whole("max_rounds", 3, low=1, high=10),
        round_timeout_hours=table.whole("round_timeout_hours", 72, low=1, high=24 * 30),
    )
    table.end()
    return labeling


def _model(name: str, table: _Table) -> Model:
    if not re.fullmatch(_NAME, name) or len(name) > 24:
        raise table.wrong("", f"the model's name {name!r} does not match {_NAME} within 24 characters")
    model = Model(
        name=name,
        task=cast(Task, table.text("task", among=("detection",))),
        classes=table.words("classes"),
        map50_threshold=table.number("map50_threshold", 0.6),
        group_rule=_group_rule(table),
        train_instance=table.text("train_instance", Model.train_instance, pattern=_INSTANCE),
        train_steps=table.whole("train_steps", Model.train_steps, low=1, high=1_000_000),
        job_instance=table.text("job_instance", Model.job_instance, pattern=_INSTANCE),
        staging=_endpoint(table.table("staging", optional=True)),
        prod=_endpoint(table.table("prod", optional=True)),
        tolerance=table.number("tolerance", 0.02),
        min_score=table.number("min_score", 0.25),
    )
    table.end()
    return model


def _group_rule(table: _Table) -> str | None:
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


def _endpoint(table: _Table) -> Endpoint:
    kind = cast(EndpointKind, table.text("kind", "serverless", among=("serverless", "realtime")))
    if kind == "realtime":
        endpoint = Endpoint(
            kind=kind,
            instance_type=table.text("instance_type", Endpoint.instance_type, pattern=_INSTANCE),
            instances=table.whole("instances", 1, low=1, high=100),
        )
    else:
        endpoint = Endpoint(
            kind=kind,
            memory_mb=table.whole("memory_mb", Endpoint.memory_mb, low=1024, high=6144),
            max_concurrency=table.whole("max_concurrency", Endpoint.max_concurrency, low=1, high=200),
        )
        if endpoint.memory_mb % 1024:
            raise table.wrong("memory_mb", f"{endpoint.memory_mb} is not a multiple of 1024")
    table.end()
    return endpoint


def _fleet(table: _Table, name: str, models: Sequence[Model]) -> Fleet:
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
