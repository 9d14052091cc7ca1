"""What a person at a terminal sees of a run, from its start to its outcome."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_FIRST_LOOK, _LONGEST_LOOK = 2.0, 20.0  # seconds between two


def follow(
    look: Callable[[], dict[str, Any]],
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Look at a run until it has ended, saying what is new of it; the run as it ended."""
    said: dict[str, str] = {}
    pause = _FIRST_LOOK
    while True:
        found = look()
        for what, status in _parts(found):
            if said.get(what) != status:
                say(f"{what}: {status}")
                said[what] = status
                pause = _FIRST_LOOK
        if found["ended"]:
            return found
        sleep(pause)
        pause = min(1.5 * pause, _LONGEST_LOOK)


def outcome(found: Mapping[str, Any]) -> str:
    """One line about how a run has ended."""
    told = str(found["status"]).replace("_", " ")
    if found["model_package"]:
        return f"{told}: {found['model_package']} waits for approval"
    return f"{told}: {found['reason']}" if found["reason"] else told


def _parts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for stage in found["stages"]:
        yield f"{stage['stage']} / {stage['action']}", stage["status"]
    for step in (found["training"] or {"steps": ()})["steps"]:
        yield step["step"], step["status"]
