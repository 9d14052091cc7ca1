"""`python -m local demo`: the whole line on this machine, without an AWS account."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str]) -> int:
    """Run a command; return its exit status."""
    options = _parse(arguments)
    # SIGINT too: a shell starts what it puts in the background with it ignored, and Python leaves it so.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # A second's worth of imports that `--help` and a wrong option do not need.
    from local.demo.line import Line
    from local.demo.options import Options
    from local.demo.progress import Terminal

    terminal = Terminal()
    line = Line(
        Options(
            folder=options.folder.resolve(),
            images=options.images and options.images.resolve(),
            labels=options.labels and options.labels.resolve(),
            seed=options.seed,
            pictures=options.pictures,
            configuration=options.config.resolve(),
        ),
        terminal,
    )
    try:
        return line.run()
    except KeyboardInterrupt:
        terminal.say("Stopped; nothing is left running.", style="bold")
        return INTERRUPTED


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="take a batch of pictures through the line")
    demo.add_argument("--images", type=Path, help="a folder of pictures; drawn ones where it is not given")
    demo.add_argument("--labels", type=Path, help="COCO JSON or a Ground Truth output manifest")
    demo.add_argument(
        "--seed", type=int, default=7, help="of the drawing, the mistakes, the split, the training"
    )
    demo.add_argument("--pictures", type=int, default=300, help="how many to draw")
    demo.add_argument("--config", type=Path, default=ROOT / "edgeline.toml", help="another edgeline.toml")
    demo.add_argument("--folder", type=Path, default=Path("local_run"), help="where everything goes")
    return parser.parse_args(arguments)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
