"""What several jobs read from their command lines."""

import argparse

from pipeline_defs.common.batches import processors


def at_least_one(text: str) -> int:
    """Read a number of processes or threads."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: must be 1 or more")
    return number


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Add --processes."""
    parser.add_argument(
        "--processes", type=at_least_one, default=processors(), help="default: one a processor"
    )
