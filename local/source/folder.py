"""What the serving cloud and the hooks of its repositories agree on: files that one person may read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.cloud.call import Credentials

ADDRESS = "receiver.json"  # where the receiver of the serving cloud is
PUSHER = "pusher.json"  # the keys that a push is signed with
FOLLOWER = "follower.json"  # what shows what became of a push


def pushed_by(folder: Path, pusher: Credentials) -> None:
    """Let the hooks act as `pusher`, whose rights are checked with each push."""
    write(folder / PUSHER, asdict(pusher))


def followed_by(folder: Path, arguments: Sequence[str], directory: Path) -> None:
    """Let the hooks run `python ARGUMENTS COMMIT` in `directory` after a push, and show what it writes."""
    write(folder / FOLLOWER, {"command": [sys.executable, *arguments], "folder": str(directory)})


def read(path: Path) -> dict[str, Any]:
    """Return what one of the files says; nothing when it is not there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def write(path: Path, document: object) -> None:
    """Write one of the files, which may hold keys."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document), encoding="utf-8")
