"""The line with tools, staging and prod in accounts of their own: the same commands, the same end."""

from pathlib import Path

import pytest
from demo_process import read, run_demo, write_configuration

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]
ACCOUNTS = """
[accounts]
region = "eu-west-1"
tools = "111122223333"
staging = "444455556666"
prod = "777788889999"
"""


def test_a_demo_of_three_accounts_goes_from_pictures_to_devices_and_back(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path / "three.toml", train_steps=20, map50_threshold=0.0)
    configuration.write_text(configuration.read_text(encoding="utf-8") + ACCOUNTS, encoding="utf-8")
    arguments = ("--pictures", "24", "--config", str(configuration))
    status, output, left = run_demo(tmp_path / "run", *arguments, seconds=600)
    assert status == 0, output
    assert "3 accounts" in output
    assert "links hold, from endpoint and device to the pictures" in output
    assert left == []
    summary = read(tmp_path / "run", "summary.json")
    assert summary["model"]["package_arn"].split(":")[4] == "111122223333"
    assert summary["prod"]["requests"] >= 20, "the application of prod's account was answered"
    assert summary["iam"]["calls_denied"] == 0
