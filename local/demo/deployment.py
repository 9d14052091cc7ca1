"""Brings a configuration up in a local cloud of its own: what every demo begins with."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sized
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from config_delivery import Accounts
from config_table import ConfigError
from local.cloud.deploy import DeploymentError, deploy
from local.cloud.errors import AwsError, LocalCloudError
from local.cloud.server import LocalCloud
from local.demo import synthesis
from local.demo.batch import BadInput
from local.demo.progress import Part
from local.demo.workflows import LineStopped
from local.services import WITHOUT_SOURCE

Outputs = Mapping[str, Mapping[str, str]]

# What ends a run with one line; anything else is a defect of the program.
PROBLEMS = (
    BadInput, ConfigError, LineStopped, DeploymentError, synthesis.SynthesisError, LocalCloudError, AwsError,
    ClientError, BotoCoreError, OSError,
)  # fmt: skip


def start_cloud(folder: Path, accounts: Accounts) -> LocalCloud:
    """A local cloud with the accounts that the configuration names, or with one that it does not."""
    named = {"account": accounts.tools, "region": accounts.region}
    return LocalCloud(
        folder,
        **{name: value for name, value in named.items() if value},
        accounts=[number for number in (accounts.staging, accounts.prod) if number],
        plugins=WITHOUT_SOURCE,
    )


def counted(of: Sized, what: str) -> str:
    """Write how many there are: "3 devices"."""
    return f"{len(of)} {what}{'' if len(of) == 1 else 's'}"


def deploy_stages(assembly: Path, cloud: LocalCloud, name: str, part: Part) -> Outputs:
    """Deploy every stage; the outputs by the stack's name without the project's: `prod-serving`."""
    bars: dict[str, Callable[[int, int], None]] = {}

    def progress(stack: str, done: int, total: int) -> None:
        bars.setdefault(stack, part.bar(stack))(done, total)

    outputs = deploy(assembly, cloud, progress=progress)
    part.result(f"{len(outputs)} stacks")
    return {stack.removeprefix(f"{name}-"): values for stack, values in outputs.items()}


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def git_commit() -> str | None:
    """Name the commit that is checked out; None where there is none."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=synthesis.ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None
