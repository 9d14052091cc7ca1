"""The models of `edgeline.toml`, and the trees that those of them which classify stand in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from config_classification import ClassificationModel, read_classification
from config_model import Model, Task, read_detection
from config_table import Table

NAME = r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*"
_TASKS = ("detection", "classification")
# A child that says nothing of these has what its parent's table says.
_INHERITED = ("tuning", "quality", "staging", "prod")
_OF_THE_ENDPOINT = ("instance_type", "instances", "max_instances")
# A release of the whole tree has one state, of 256 KiB at most, in which each member needs up to 11.
_MOST_CHILDREN = 20


@dataclass(frozen=True)
class Tree:
    """A parent and the children that it routes to, in the order of the file; it has the parent's name."""

    parent: ClassificationModel
    children: tuple[ClassificationModel, ...]

    @property
    def name(self) -> str:
        """The name that the tree goes by."""
        return self.parent.name

    @property
    def members(self) -> tuple[ClassificationModel, ...]:
        """The parent and its children."""
        return (self.parent, *self.children)


def with_inherited(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Fill, in `[models]` as parsed, what the tables of children leave to those of their parents."""
    return {name: _filled(table, tables) for name, table in tables.items()}


def read_models(top: Table) -> tuple[Model, ...]:
    """Read every `[models.NAME]`, in their order; a parent knows its labels by its children."""
    tables = dict(top.tables("models"))
    for name, table in tables.items():
        if not re.fullmatch(NAME, name) or len(name) > 24:
            raise table.wrong("", f"the model's name {name!r} does not match {NAME} within 24 characters")
    tasks = {name: cast(Task, table.text("task", among=_TASKS)) for name, table in tables.items()}
    parents = _parents(tables, tasks)
    models: dict[str, Model] = {}
    for name in sorted(tables, key=lambda name: name in parents):
        table, parent = tables[name], parents.get(name)
        if tasks[name] == "detection":
            models[name] = read_detection(name, table)
            continue
        above = cast(ClassificationModel, models[parent]) if parent else None
        has_children = name in parents.values()
        models[name] = read_classification(name, table, parent=above, has_children=has_children)
        if above is not None:
            _refuse_other_endpoint(cast(ClassificationModel, models[name]), above, table)
    for name in dict.fromkeys(parents.values()):
        _refuse_too_many(name, parents, tables)
    for name in parents:
        _refuse_shared_names(name, parents, models, tables)
    return tuple(_labelled(models[name], parents, models) for name in tables)


def trees_of(models: Sequence[Model]) -> tuple[Tree, ...]:
    """The trees, in the order of their parents."""
    classifiers = [model for model in models if isinstance(model, ClassificationModel)]
    return tuple(
        Tree(model, tuple(child for child in classifiers if child.parent == model.name))
        for model in classifiers
        if model.children
    )


def _filled(table: Any, tables: Mapping[str, Any]) -> Any:
    parent = tables.get(table["parent"]) if isinstance(table, dict) and _names(table, "parent") else None
    if not isinstance(parent, dict):
        return table
    filled = dict(table)
    for key in _INHERITED:
        above, own = parent.get(key), table.get(key, {})
        if isinstance(above, dict) and isinstance(own, dict) and _same_kind(above, own):
            filled[key] = {**above, **own}
    return filled


def _names(table: Mapping[str, Any], key: str) -> bool:
    return isinstance(table.get(key), str)


def _same_kind(above: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Tell whether an endpoint's keys mean the same in both; each kind has keys of its own."""
    kind = above.get("kind", "serverless")
    return bool(own.get("kind", kind) == kind)


def _parents(tables: Mapping[str, Table], tasks: Mapping[str, Task]) -> dict[str, str]:
    """Take the parent of each model that names one."""
    classifiers = [name for name in tables if tasks[name] == "classification"]
    parents = {name: tables[name].text("parent", None) for name in classifiers}
    for name, parent in parents.items():
        if parent is not None and (complaint := _unfit(name, parent, parents, tasks)):
            raise tables[name].wrong("parent", complaint)
    return {name: parent for name, parent in parents.items() if parent is not None}


def _unfit(
    name: str, parent: str, parents: Mapping[str, str | None], tasks: Mapping[str, Task]
) -> str | None:
    """What is wrong with a parent, if anything is."""
    if parent not in tasks:
        return f"{parent!r} is not a model of this file: {', '.join(tasks)}"
    if parent == name:
        return f"{parent!r} is the model itself"
    if tasks[parent] == "detection":
        return f"{parent!r} is a detector; only a model that classifies routes to others"
    if parents[parent] is not None:
        return f"{parent!r} is a child of {parents[parent]!r} itself; children of children are refused"
    return None


def _refuse_other_endpoint(child: ClassificationModel, parent: ClassificationModel, table: Table) -> None:
    """A tree of kind components shares the parent's endpoint, so all are of that kind, on its instances."""
    for environment in ("staging", "prod"):
        own, above = getattr(child, environment), getattr(parent, environment)
        if "components" in (own.kind, above.kind) and own.kind != above.kind:
            complaint = f"{own.kind!r}, but its parent {parent.name} is of kind {above.kind!r}"
            rule = "the components of a tree share one endpoint, so all of its models are of this kind"
            raise table.wrong(f"{environment}.kind", f"{complaint}; {rule}")
        for key in _OF_THE_ENDPOINT if own.kind == "components" else ():
            if getattr(own, key) != getattr(above, key):
                said = f"{getattr(own, key)!r}, but the endpoint is that of {parent.name}"
                raise table.wrong(f"{environment}.{key}", f"{said}, with {getattr(above, key)!r}")


def _refuse_too_many(parent: str, parents: Mapping[str, str], tables: Mapping[str, Table]) -> None:
    children = list(parents.values()).count(parent)
    if children > _MOST_CHILDREN:
        most = f"{children} models name it as their parent, and {_MOST_CHILDREN} are the most"
        raise tables[parent].wrong("", f"{most}: all of a tree are released together; make it two trees")


def _refuse_shared_names(
    child: str, parents: Mapping[str, str], models: Mapping[str, Model], tables: Mapping[str, Table]
) -> None:
    """In a tree, a class is in one model, and no class is called like a child."""
    parent = parents[child]
    members = [parent, *(name for name in parents if parents[name] == parent)]
    for other in members:
        for name in models[other].classes:
            if name == child:
                raise tables[other].wrong("classes", f"{name!r} is the name of a child of {parent}")
            if other != child and name in models[child].classes:
                raise tables[child].wrong("classes", f"{name!r} is a class of {other} too; give it to one")


def _labelled(model: Model, parents: Mapping[str, str], models: Mapping[str, Model]) -> Model:
    """A classifier with its labels: first its children by name, then its own classes."""
    if not isinstance(model, ClassificationModel):
        return model
    children = tuple(name for name in models if parents.get(name) == model.name)
    groups = {name: models[name].classes for name in children}
    return replace(model, children=children, labels={**groups, **{name: (name,) for name in model.classes}})
