"""Values that stand for the expressions of a definition while the rest of a request is checked."""

from __future__ import annotations

from typing import Any

from local.cloud.shapes import report
from local.sagemaker.pipelines.expressions import is_expression


def member_of(shape: Any, key: str) -> Any:
    """Give the shape of a member, None where there is none."""
    if shape is None:
        return None
    if shape.type_name == "structure":
        return shape.members.get(key)
    return shape.value if shape.type_name == "map" else None


def fill(value: Any, shape: Any) -> Any:
    """Put in place of each expression a value that its shape takes, so that the rest can be checked."""
    if is_expression(value):
        return _sample(shape)
    if isinstance(value, dict):
        return {key: fill(item, member_of(shape, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, getattr(shape, "member", None)) for item in value]
    return value


_SAMPLES = (
    "a", "s3://bucket/key", "https://example.com/key", "arn:aws:iam::000000000000:role/name", "1",
    "arn:aws:sagemaker:eu-west-1:000000000000:model-package/name/1",
)  # fmt: skip


def _sample(shape: Any) -> Any:
    kind = shape.type_name if shape is not None else "string"
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind != "string" or shape is None:
        return "a"
    if shape.enum:
        return shape.enum[0]
    fitting = [text for text in _SAMPLES if not report(text, shape)]
    return fitting[0] if fitting else "a" * max(1, shape.metadata.get("min", 1))
