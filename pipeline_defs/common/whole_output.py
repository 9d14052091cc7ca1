"""Folders that a job leaves: complete, or not at all."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline_defs.common.job import JobError

_UNFINISHED = ".unfinished"
# What a rename says of a folder that is a mount, as a job's output may be, or lies on another disk.
_ANOTHER_MOUNT = frozenset({errno.EBUSY, errno.EXDEV})


@contextmanager
def whole_output(output: Path) -> Iterator[Path]:
    """Give an empty folder; when the block ends well, the folders in it take their places in `output`.

    Otherwise `output` stays as it was. What a killed job left goes with the next one. Raises JobError where
    another job is at work in `output`.
    """
    output.mkdir(parents=True, exist_ok=True)
    with _alone(output):
        unfinished = output / _UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            yield unfinished
            for made in sorted(unfinished.iterdir()):
                put_in_place(made, output / made.name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(made: Path, place: Path) -> None:
    """Move a folder that is complete to its place; what is there goes with the folder around `made`."""
    try:
        if place.exists():
            place.rename(made.with_name(f"{made.name}.before"))
        made.rename(place)
    except OSError as error:
        if error.errno not in _ANOTHER_MOUNT:
            raise
        _fill(place, made)


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    """Hold a folder, as long as the process lives at most."""
    folder = os.open(output, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise JobError(
            f"{output}: another job is at work in it: wait for that, or give another --output-dir"
        ) from error
    finally:
        os.close(folder)


def _fill(place: Path, made: Path) -> None:
    """Put what was made into a folder that cannot be replaced."""
    for before in place.iterdir():
        if before.is_dir() and not before.is_symlink():
            shutil.rmtree(before)
        else:
            before.unlink()
    for each in sorted(made.iterdir()):
        shutil.move(each, place / each.name)
