from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.cloud.processes import Processes, Stopping, clean_environment

_ROOT = Path(__file__).parents[4]
_PARENT = """
import os, sys, pathlib
sys.path.insert(0, {root!r})
from local.cloud.processes import Processes
processes = Processes()
shell = ["/bin/sh", "-c", "sleep 300 & echo $!; wait"]
child = processes.start(shell, environment=os.environ, folder=pathlib.Path("."))
print(child.pid, child.stdout.readline().strip(), flush=True)
{end}
"""


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "sys.exit(1)", "os.kill(os.getpid(), 2)"])
def test_no_child_outlives_its_parent_however_it_ends(end: str) -> None:
    script = _PARENT.format(root=str(_ROOT), end=end)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    deadline = time.monotonic() + 30
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child still runs"
        time.sleep(0.05)


def test_closed_it_starts_nothing_any_more(tmp_path: Path) -> None:
    processes = Processes()
    child = processes.start(["sleep", "300"], environment=os.environ, folder=tmp_path)
    processes.close()
    assert child.returncode == -9
    with pytest.raises(Stopping, match="is stopping"):
        processes.start(["true"], environment=os.environ, folder=tmp_path)


def test_a_child_inherits_neither_credentials_nor_python_settings() -> None:
    ours = {"AWS_PROFILE": "x", "SM_MODEL_DIR": "x", "PYTHONPATH": "x", "HOME": "/home", "PATH": "/bin"}
    clean = clean_environment(ours)
    assert not {"AWS_PROFILE", "SM_MODEL_DIR", "PYTHONPATH"} & set(clean)
    assert clean["HOME"] == "/home"
    assert clean["PATH"] == f"{Path(sys.executable).parent}:/bin"
