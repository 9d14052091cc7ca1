"""Ctrl-C, wherever the line is: nothing goes on running, and the next run is as if nothing had been."""

from pathlib import Path

import pytest
from demo_process import DemoProcess, read, run_demo, write_configuration

INTERRUPTED = 130
# In each something else has to be ended: a deployment, jobs, devices.
MOMENTS = ("Deploy them ...", "Train and evaluate ...", "Roll out to the devices ...")

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(1500)]


def test_ctrl_c_at_any_moment_leaves_nothing_and_the_next_run_works(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path / "small.toml", train_steps=10, map50_threshold=0.0)
    arguments = ("--pictures", "24", "--config", str(configuration))
    folder = tmp_path / "run"
    for moment in MOMENTS:
        with DemoProcess(folder, *arguments) as demo:
            demo.await_line(moment, 400)
            demo.interrupt()
            assert demo.end(60) == INTERRUPTED, f"{moment}\n{demo.output}"
            assert "Traceback" not in demo.output, moment
            assert demo.left_behind() == [], moment
    status, output, left = run_demo(folder, *arguments, seconds=400)
    assert status == 0, output
    assert left == []
    assert [device["status"] for device in read(folder, "summary.json")["devices"]] == ["RUNNING"] * 3
