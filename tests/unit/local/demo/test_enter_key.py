"""Enter is noticed in passing on a terminal in front, and nowhere else."""

import io
import os
import pty
import subprocess
import sys
import termios
import time

import pytest

from local.demo.enter_key import EnterKey

SCRIPT = """
import time
from local.demo.enter_key import EnterKey
with EnterKey() as enter:
    print("there" if enter.is_there else "not there", enter.is_pressed(), flush=True)
    deadline = time.monotonic() + 20
    while not enter.is_pressed() and time.monotonic() < deadline:
        time.sleep(0.01)
    print("pressed", enter.is_pressed(), flush=True)
"""


def _read_until(terminal: int, text: str) -> str:
    found, deadline = "", time.monotonic() + 20
    while text not in found and time.monotonic() < deadline:
        found += os.read(terminal, 1024).decode()
    return found


def test_enter_on_the_terminal_is_noticed_once_and_nothing_typed_is_shown() -> None:
    number, terminal = pty.fork()
    if number == 0:
        os.execv(sys.executable, [sys.executable, "-c", SCRIPT])  # noqa: S606
    before = termios.tcgetattr(terminal)
    assert "there False" in _read_until(terminal, "False")
    os.write(terminal, b"abc")
    os.write(terminal, b"\n")
    shown = _read_until(terminal, "pressed False")
    assert "pressed False" in shown
    assert "abc" not in shown
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
    assert termios.tcgetattr(terminal)[3] == before[3]
    os.close(terminal)


@pytest.mark.parametrize("stream", [io.StringIO("\n"), subprocess.DEVNULL])
def test_without_a_terminal_nothing_is_ever_pressed(stream: object) -> None:
    if stream == subprocess.DEVNULL:
        with open(os.devnull) as nothing, EnterKey(nothing) as enter:
            assert (enter.is_there, enter.is_pressed()) == (False, False)
        return
    assert isinstance(stream, io.StringIO)
    with EnterKey(stream) as enter:
        assert (enter.is_there, enter.is_pressed()) == (False, False)
