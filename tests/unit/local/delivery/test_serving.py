from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import Edgeline
from config_delivery import Accounts
from local.cloud.call import Credentials
from local.delivery import serving
from local.delivery.errors import DeliveryError
from local.delivery.serve import place
from local.delivery.serving import Serving

ROOT = Path(__file__).parents[4]
HOLDS = """
import os, sys, time
from pathlib import Path
from local.cloud.call import Credentials
from local.delivery import serving
folder = Path(sys.argv[1])
with serving.locked(folder):
    keys = Credentials("key", "secret", "", "arn:aws:iam::0:root")
    serving.announce(folder, serving.Serving(os.getpid(), "http://x", "0", "eu-west-1", 0.0, folder, keys))
    print("up", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "up\n"
    return child


def described(folder: Path) -> Serving:
    return Serving(os.getpid(), "http://x", "0", "eu-west-1", 0.0, folder, Credentials("k", "s", "", "root"))


def test_what_is_announced_is_found_by_others_only_while_it_is_served(tmp_path: Path) -> None:
    assert serving.find(tmp_path) is None
    child = holder(tmp_path)
    found = serving.find(tmp_path)
    assert found is not None
    assert (found.pid, found.root.secret_key, found.state_dir) == (child.pid, "secret", tmp_path)
    assert (tmp_path / "serving.json").stat().st_mode & 0o077 == 0
    child.kill()
    child.wait()
    # The file is still there: a process that is killed cleans nothing up.
    assert (tmp_path / "serving.json").exists()
    assert serving.find(tmp_path) is None


def test_second_process_for_the_folder_is_told_of_the_first(tmp_path: Path) -> None:
    child = holder(tmp_path)
    told = rf"process {child.pid}, http://x\) is served from here already"
    with pytest.raises(DeliveryError, match=told), serving.locked(tmp_path):
        raise AssertionError("two of them")
    child.kill()
    child.wait()
    with serving.locked(tmp_path):
        assert not (tmp_path / "serving.json").exists(), "the one that was killed is believed again"
        serving.announce(tmp_path, described(tmp_path))
    assert not (tmp_path / "serving.json").exists()


def test_stop_ends_the_process_and_waits_for_it(tmp_path: Path) -> None:
    child = holder(tmp_path)
    assert serving.stop(tmp_path)
    assert child.wait(10) == -signal.SIGTERM
    assert not serving.stop(tmp_path)


def test_process_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_STOP_SECONDS", 0.3)
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    child = holder(tmp_path)
    with pytest.raises(DeliveryError, match=f"process {child.pid} has not ended"):
        serving.stop(tmp_path)
    monkeypatch.undo()
    child.kill()
    child.wait()


def test_cloud_is_the_account_of_the_configuration_and_of_one_only() -> None:
    config = Edgeline.read(ROOT / "edgeline.toml")
    assert place(config) == ("000000000000", "eu-west-1")
    mine = Accounts("111122223333", "111122223333", "111122223333", "eu-central-1")
    object.__setattr__(config, "accounts", mine)
    assert place(config) == ("111122223333", "eu-central-1")
    object.__setattr__(config, "accounts", Accounts("111122223333", "444455556666", "111122223333", None))
    with pytest.raises(DeliveryError, match="several accounts"):
        place(config)
