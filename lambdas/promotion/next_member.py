"""Bring the next member of a set to the top of the state."""

from collections.abc import Mapping
from typing import Any

from lambdas.promotion.release_set import step


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Go from one member to the next in a phase of a release.

    In: {"release": the whole state, "phase": one of release_set.PHASES}.
    Out: the whole state, with `set.more` saying whether a member is at its top.
    """
    return step(event["release"], event["phase"])
