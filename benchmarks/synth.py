"""What a synthesis of the whole app costs in CPU seconds, beside that of an app with one empty stack.

python benchmarks/synth.py [CONFIG]        Linux; in the environment of `make test`

The reference is what the CDK library itself costs: starting Node, loading the library, writing an assembly.
"""

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BECOME_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
_EMPTY = "import aws_cdk; app = aws_cdk.App(); aws_cdk.Stack(app, 'Empty'); app.synth()"


def main(arguments: list[str]) -> None:
    """Measure both and print their ratio."""
    # Node outlives the Python that started it by a moment: what is orphaned comes to us to be counted.
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    context = [f"--config={Path(arguments[0]).resolve()}"] if arguments else []
    app, app_wall = _measured([sys.executable, "-c", _whole(context)])
    empty, empty_wall = _measured([sys.executable, "-c", _EMPTY])
    print(f"whole app    {app:6.1f} s CPU  {app_wall:6.1f} s wall")
    print(f"empty stack  {empty:6.1f} s CPU  {empty_wall:6.1f} s wall")
    print(f"ratio        {app / empty:6.1f}")


def _whole(context: list[str]) -> str:
    config = f"Path({context[0].partition('=')[2]!r})" if context else "None"
    return f"from pathlib import Path; import app; app.build(config={config}).synth()"


def _measured(command: list[str]) -> tuple[float, float]:
    """Run a command that has to succeed; the CPU and wall seconds of it and of all that it started."""
    before, started = _spent(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CDK_VALIDATION": "false", "CDK_OUTDIR": folder}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        wall = time.monotonic() - started
        _await_orphans()
    return _spent() - before, wall


def _await_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(sys.argv[1:])
