"""What a labeling execution hands from state to state, whoever labels."""

from typing import Any

from aws_cdk import aws_stepfunctions as sfn

EXECUTION = {"execution": sfn.JsonPath.string_at("$$.Execution.Id")}
STATE = {
    **EXECUTION,
    "model": sfn.JsonPath.string_at("$.model"),
    "classes": sfn.JsonPath.list_at("$.classes"),
    "round": sfn.JsonPath.number_at("$.round"),
}
SUGGESTIONS = {"suggestions": sfn.JsonPath.object_at("$.suggestions")}


def found(*, not_suggested: str) -> dict[str, Any]:
    """What the search for images found, before anything is suggested; `not_suggested` says why."""
    return {
        **{name: sfn.JsonPath.string_at(f"$.{name}") for name in ("execution", "model")},
        "classes": sfn.JsonPath.list_at("$.classes"),
        **{name: sfn.JsonPath.number_at(f"$.{name}") for name in ("round", "count")},
        "suggestions": {"suggested": 0, "of": 0, "reason": not_suggested},
    }
