"""How a job's script ends when something is wrong: one clear line, exit code 1, and no traceback."""

import sys
from collections.abc import Callable
from pathlib import Path

# SageMaker shows this file's text as the training job's FailureReason.
TRAINING_FAILURE_FILE = Path("/opt/ml/output/failure")


class JobError(Exception):
    """Something that a person can put right; the message says what, where and what to do."""


def run(main: Callable[[], None], *, failure_file: Path | None = None) -> int:
    """Run a script's main function; an expected error becomes one line on stderr, and in `failure_file`."""
    try:
        main()
    except JobError as error:
        message = " ".join(str(error).split())
        print(f"error: {message}", file=sys.stderr, flush=True)
        if failure_file is not None and failure_file.parent.is_dir():
            failure_file.write_text(message)
        return 1
    return 0
