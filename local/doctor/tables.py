"""What the doctor knows by itself, from the tables beside it, each with its date."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def table(name: str) -> dict[str, Any]:
    """Read `services`, `quotas` or `prices`."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
