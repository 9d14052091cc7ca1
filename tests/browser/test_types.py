"""The page's types: what its comments say of arguments and answers holds."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TSC = ROOT / "tests" / "browser" / "node_modules" / ".bin" / "tsc"


@pytest.mark.acceptance
def test_types_hold() -> None:
    assert TSC.exists(), "run npm ci --prefix tests/browser"
    done = subprocess.run(
        [str(TSC), "-p", str(ROOT / "labeling_app" / "jsconfig.json")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == ""
