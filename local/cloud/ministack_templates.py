"""CloudFormation as ministack has it, mended: conditions, deletions, and types of our own."""

from __future__ import annotations

import functools
from collections.abc import Mapping, MutableMapping
from typing import Any

from local.cloud.touchpoints import Touchpoint, module

# The modules that evaluate a template's conditions, the first of which says how.
_EVALUATE_CONDITIONS = tuple(
    f"services.cloudformation.{name}" for name in ("engine", "handlers", "changesets", "stacks")
)

TOUCHPOINTS = (
    Touchpoint("ministack.services.s3", "_delete_bucket", ("name",)),
    *(
        Touchpoint(
            f"ministack.services.cloudformation.{name}", "_evaluate_conditions", ("template", "params")
        )
        for name in ("engine", "handlers", "changesets", "stacks")
    ),
    Touchpoint("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    Touchpoint("ministack.services.cloudformation.stacks", "_runs_on_worker_thread", ("resource_type",)),
)

_IN_CONDITIONS = {"Fn::And", "Fn::Equals", "Fn::Join", "Fn::Not", "Fn::Or", "Fn::Select"}


def mend() -> None:
    """Evaluate conditions and delete as CloudFormation does."""
    _evaluate_joins()
    _refuse_deletions()


def add_resource_types(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Register CloudFormation types, whose handlers then run on worker threads.

    They call this very server and wait for it, which on its event loop would be a deadlock.
    """
    module("services.cloudformation.provisioners")._RESOURCE_HANDLERS.update(handlers)
    stacks = module("services.cloudformation.stacks")
    original = stacks._runs_on_worker_thread

    @functools.wraps(original)
    def runs_on_worker_thread(resource_type: str) -> bool:
        return resource_type in handlers or original(resource_type)

    stacks._runs_on_worker_thread = runs_on_worker_thread


def _refuse_deletions() -> None:
    """Delete no bucket that holds something and no table that is protected: no stack on AWS does."""
    types = module("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    delete_table = types["AWS::DynamoDB::Table"]["delete"]

    def delete_bucket(name: str, properties: Mapping[str, Any]) -> None:
        status, _, body = module("services.s3")._delete_bucket(name)
        if status not in (204, 404):
            raise ValueError(f"the bucket {name} is not deleted: {body!r}")

    def delete_unprotected(name: str, properties: Mapping[str, Any]) -> None:
        if str(properties.get("DeletionProtectionEnabled", "")).lower() == "true":
            raise ValueError(f"the table {name} is protected against deletion")
        delete_table(name, properties)

    types["AWS::S3::Bucket"]["delete"] = delete_bucket
    types["AWS::DynamoDB::Table"]["delete"] = delete_unprotected


def _evaluate_joins() -> None:
    """Evaluate `Fn::Join` in a template's conditions, which ministack compares as it stands there."""
    original = module(_EVALUATE_CONDITIONS[0])._evaluate_conditions

    @functools.wraps(original)
    def evaluate(template: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
        conditions = {
            name: _joined(condition, params) for name, condition in (template.get("Conditions") or {}).items()
        }
        return original({**template, "Conditions": conditions}, params)

    for name in _EVALUATE_CONDITIONS:
        module(name)._evaluate_conditions = evaluate


def _joined(expression: Any, params: Mapping[str, Any]) -> Any:
    """Return a condition's expression with its joins done; ValueError for what would not be evaluated."""
    if isinstance(expression, list):
        return [_joined(item, params) for item in expression]
    if not isinstance(expression, dict):
        return expression
    for name in expression:
        if name.startswith("Fn::") and name not in _IN_CONDITIONS:
            raise ValueError(f"Template error: the local cloud evaluates no {name} in a condition")
    if "Fn::Join" in expression:
        delimiter, items = expression["Fn::Join"]
        return str(delimiter).join(_texts(items, params))
    return {name: _joined(item, params) for name, item in expression.items()}


def _texts(items: Any, params: Mapping[str, Any]) -> list[str]:
    """Return what a join in a condition joins: texts and parameters, or one parameter that is a list."""
    if isinstance(items, Mapping):
        return [text.strip() for text in str(params[items["Ref"]]["Value"]).split(",")]
    return [str(params[item["Ref"]]["Value"]) if isinstance(item, Mapping) else item for item in items]
