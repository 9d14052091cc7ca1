"""How a job's script ends when something is wrong: one clear line, exit code 1, and no traceback."""

import errno
import sys
from collections.abc import Callable
from pathlib import Path

# SageMaker shows this file's text as the training job's FailureReason.
TRAINING_FAILURE_FILE = Path("/opt/ml/output/failure")


# What a person can put right about files, and how; any other error of the system keeps its traceback.
_OF_FILES = {
    errno.ENOSPC: "make room there, or give the job a larger volume",
    errno.EDQUOT: "make room there: the quota is used up",
    errno.EROFS: "give a folder that can be written",
    errno.EACCES: "let this user read and write there, or give another folder",
    errno.EPERM: "let this user read and write there, or give another folder",
    errno.EEXIST: "give a folder, where a file is",
    errno.ENOTDIR: "give a folder, where a file is",
    errno.EISDIR: "give a file, where a folder is",
}
_INTERRUPTED = 130


class JobError(Exception):
    """Something that a person can put right; the message says what, where and what to do."""


def run(main: Callable[[], None], *, failure_file: Path | None = None) -> int:
    """Run a script's main function; an expected error becomes one line on stderr, and in `failure_file`."""
    try:
        main()
    except JobError as error:
        return _fail(str(error), failure_file)
    except OSError as error:
        if error.errno not in _OF_FILES:
            raise
        where = f"{error.filename}: " if error.filename else ""  # a write to a full disk names no file
        return _fail(f"{where}{error.strerror}: {_OF_FILES[error.errno]}", failure_file)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr, flush=True)
        return _INTERRUPTED
    return 0


def _fail(reason: str, failure_file: Path | None) -> int:
    message = " ".join(reason.split())
    print(f"error: {message}", file=sys.stderr, flush=True)
    if failure_file is not None and failure_file.parent.is_dir():
        failure_file.write_text(message)
    return 1
