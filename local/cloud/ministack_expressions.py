"""DynamoDB's expressions as ministack has them, read once: it reads them anew for each item of a query."""

from __future__ import annotations

import functools

from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.services.dynamodb", "_tokenize", ("expr",)),
    Touchpoint("ministack.services.dynamodb", "_condition_syntax_error", ("expr", "slot")),
)
_KEPT = 1024  # expressions


def read_once() -> None:
    """Keep what an expression's text alone decides: its tokens and whether it is well formed."""
    dynamodb = module("services.dynamodb")
    tokens = functools.lru_cache(_KEPT)(dynamodb._tokenize)
    dynamodb._tokenize = lambda expr: list(tokens(expr))
    dynamodb._condition_syntax_error = functools.lru_cache(_KEPT)(dynamodb._condition_syntax_error)
