from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from local.cloud.processes import Processes
from local.sagemaker.hosting.instance import Instance, UnhealthyError


class SlowLog:
    """A log that is read more slowly than the process prints."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.closed_after = 0

    def follow(self, lines: Iterable[str]) -> None:
        for line in lines:
            time.sleep(0.2)
            self.lines.append(line.rstrip())

    def tail(self) -> str:
        return "\n".join(self.lines)

    def close(self) -> None:
        self.closed_after = len(self.lines)


def test_what_a_process_printed_last_is_in_its_log_and_in_the_reason(tmp_path: Path) -> None:
    code = tmp_path / "model/code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text("print('one')\nprint('two')\nraise SystemExit('three')\n")
    log: Any = SlowLog()
    processes = Processes()
    try:
        instance = Instance(processes, tmp_path / "model", {}, tmp_path / "run", lambda: log)
        with pytest.raises(UnhealthyError, match="one\ntwo\nthree"):
            instance.start(60)
        assert log.closed_after == 3
    finally:
        processes.close()
