"""What the terminal shows of a run: a line with a time for each part, and bars on long work.

Where nobody watches (a pipe, CI) it writes plain lines, and of long work one line every ten seconds at most.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from local.demo.summary import Stage

QUIET_SECONDS = 10.0
NAME_WIDTH, DETAIL_WIDTH = 26, 44


class Part:
    """The part of the run that is going on. Its methods may be called from any thread."""

    def __init__(self, name: str, show: "_Live | _Plain") -> None:
        self.name = name
        self.outcome = ""
        self._show = show

    def result(self, text: str) -> None:
        """Set what the part's line says when it is done: "300 labeled, 28 of them twice"."""
        self.outcome = text

    def doing(self, text: str) -> None:
        """Say what is going on now, beside the part's name."""
        self._show.doing(text)

    def bar(self, label: str) -> Callable[[int, int], None]:
        """Return a function of (done, total) that moves a bar; the first call shows it."""
        return self._show.bar(label)


class Terminal:
    """Shows the parts of a run one after the other, and keeps their times."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        interactive: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = Console(file=stream or sys.stdout, force_terminal=interactive, highlight=False)
        self._clock = clock
        self._started = clock()
        self.stages: list[Stage] = []

    @property
    def seconds(self) -> float:
        """How long this run has taken so far."""
        return round(self._clock() - self._started, 1)

    def say(self, text: str = "", style: str = "") -> None:
        """Write a line; `style` is rich's ("bold", "red") and shows only on a terminal."""
        self._console.print(escape(text), style=style or None, soft_wrap=True)

    @contextmanager
    def part(self, name: str) -> Iterator[Part]:
        """Run one part of the line: its name while it goes on, then a line with its outcome and its time.

        The time counts towards `stages` whether it ends well or not.
        """
        show = _Live(self._console, name) if self._console.is_terminal else _Plain(self, name, self._clock)
        part, started, mark = Part(name, show), self._clock(), "fail"
        try:
            with show:
                yield part
            mark = "done"
        except KeyboardInterrupt:
            part.result("stopped")
            raise
        finally:
            seconds = self._clock() - started
            self.stages.append(Stage(name, round(seconds, 1)))
            self._line(mark, part, seconds)

    def _line(self, mark: str, part: Part, seconds: float) -> None:
        sign, style = {"done": ("✓", "green"), "fail": ("✗", "red")}[mark]
        if not _can_write(self._console, sign):
            sign = {"✓": "ok", "✗": "!!"}[sign]
        outcome = part.outcome if mark == "done" else part.outcome or "failed"
        text = f"{part.name:<{NAME_WIDTH}}  {outcome:<{DETAIL_WIDTH}} {seconds:7.1f} s"
        self._console.print(f"[{style}]{sign}[/] {escape(text)}", soft_wrap=True)


class _Live:
    """A spinner with the part's name, and bars below it, on a terminal."""

    def __init__(self, console: Console, name: str) -> None:
        self._name = name
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._head = self._progress.add_task(escape(name), total=None, count="")

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def doing(self, text: str) -> None:
        self._progress.update(self._head, description=f"{escape(self._name)} [dim]{escape(text)}[/]")

    def bar(self, label: str) -> Callable[[int, int], None]:
        task: TaskID | None = None

        def move(done: int, total: int) -> None:
            nonlocal task
            if task is None:
                task = self._progress.add_task(f"  {escape(label)}", total=total, count="")
            self._progress.update(task, completed=done, total=total, count=f"{done}/{total}")

        return move


class _Plain:
    """A line when the part begins, and one now and then while it goes on."""

    def __init__(self, terminal: Terminal, name: str, clock: Callable[[], float]) -> None:
        self._terminal = terminal
        self._name = name
        self._clock = clock
        self._last = clock()
        self._doing = ""

    def __enter__(self) -> None:
        self._terminal.say(f"  {self._name} ...")

    def __exit__(self, *error: object) -> None:
        pass

    def doing(self, text: str) -> None:
        if text and text != self._doing:
            self._terminal.say(f"    {text}")
        self._doing = text

    def bar(self, label: str) -> Callable[[int, int], None]:
        return lambda done, total: self._now_and_then(f"{label} {done}/{total}")

    def _now_and_then(self, text: str) -> None:
        if self._clock() - self._last >= QUIET_SECONDS:
            self._last = self._clock()
            self._terminal.say(f"    {text}")


def _can_write(console: Console, text: str) -> bool:
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
