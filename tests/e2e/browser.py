"""A page as a browser shows it."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
    "--window-size=1280,1600", "--virtual-time-budget=3000",
)  # fmt: skip
_CONSOLE = re.compile(r"CONSOLE[:(].*")


@dataclass(frozen=True)
class Shown:
    """A screenshot, and all that the page wrote to the console."""

    screenshot: Path
    console: list[str]


def show(page: Path, screenshot: Path) -> Shown:
    """Open a page without a network in a browser that has never been used; raises where it does not end."""
    with tempfile.TemporaryDirectory(prefix="edgeline-browser-") as profile:
        done = subprocess.run(
            ["chromium", *_FLAGS, f"--user-data-dir={profile}", f"--screenshot={screenshot}", page.as_uri()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            check=True,
        )
    return Shown(screenshot, _CONSOLE.findall(done.stderr))
