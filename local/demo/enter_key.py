"""Whether somebody presses Enter on the terminal, asked in passing: nothing waits for it."""

import os
import select
import sys
import termios
from types import TracebackType
from typing import Any, Self, TextIO

_MOST = 4096


class EnterKey:
    """The Enter key of this process's terminal; a context manager, which keeps what is typed from showing.

    Without a terminal nothing is ever pressed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        found = stream or sys.stdin
        self._terminal = found.fileno() if found and not found.closed and found.isatty() else None
        self._before: list[Any] | None = None

    @property
    def is_there(self) -> bool:
        """Whether there is a terminal, and this process in front on it."""
        return self._terminal is not None and os.tcgetpgrp(self._terminal) == os.getpgrp()

    def __enter__(self) -> Self:
        if self._terminal is not None and self.is_there:
            termios.tcflush(self._terminal, termios.TCIFLUSH)  # typed while nobody asked
            self._before = termios.tcgetattr(self._terminal)
            quiet = [*self._before]
            quiet[3] = quiet[3] & ~termios.ECHO
            termios.tcsetattr(self._terminal, termios.TCSANOW, quiet)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal is not None and self._before is not None:
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def is_pressed(self) -> bool:
        """Whether a line, or the end of the input, has come since the last call."""
        if self._terminal is None or not self.is_there:
            return False
        if not select.select([self._terminal], [], [], 0)[0]:
            return False
        os.read(self._terminal, _MOST)
        return True
