"""Answers of the labeling API: what was carried out, or why it was not."""

import logging
from collections.abc import Callable
from typing import Any

from lambdas.common.proxied import Refused, refuse, respond
from lambdas.labeling.transactions import Contended

_log = logging.getLogger(__name__)


def answer(carry_out: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The response with what `carry_out` returns, or with why it was refused."""
    try:
        return respond(200, carry_out())
    except Refused as refusal:
        return refuse(refusal)
    except Contended as error:
        _log.warning("%s", error)
        return respond(503, {"message": "too many answers at once; send it again"})
