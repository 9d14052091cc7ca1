"""What every demo does around its parts: a clean folder before, and a report after, whatever happens."""

from collections.abc import Callable, Sequence
from pathlib import Path

from local.demo.deployment import PROBLEMS, remove
from local.demo.details import Failure
from local.demo.progress import Terminal


def run_to_the_report(
    terminal: Terminal,
    go: Callable[[], None],
    write: Callable[[Failure | None], Path],
    *,
    what_to_do: Callable[[BaseException], str] = lambda _: "",
) -> int:
    """Go through the parts and write the report; 0 where every part ended well, else 1."""
    failure: Failure | None = None
    try:
        go()
    except PROBLEMS as error:
        failure = Failure(terminal.stages[-1].name, " ".join(str(error).split()), what_to_do(error))
    report = write(failure)
    if failure:
        terminal.say(f"{failure.stage}: {failure.reason}", style="bold red")
    terminal.say(f"Report: {report}  ({terminal.seconds:.0f} s)", style="bold")
    return 1 if failure else 0


def make_room(folder: Path, left_by_a_run: Sequence[str]) -> None:
    """Make the run's folder, without what another run has left there."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in left_by_a_run:
        remove(folder / left)
