"""`python -m local serve`: keeps a local cloud up until it is told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline
from local.cloud.server import LocalCloud
from local.delivery import page, serving
from local.delivery.errors import DeliveryError
from local.delivery.serving import Serving
from local.demo.progress import Terminal
from local.demo.synthesis import ROOT

_START_SECONDS = 120
_PAGE_SECONDS = 5
_ACCOUNT, _REGION = "000000000000", "eu-west-1"


def serve(folder: Path, config: Edgeline, terminal: Terminal) -> int:
    """Serve until KeyboardInterrupt, as which the caller takes a signal; leave no process behind."""
    from local import services

    account, region = place(config)
    with serving.locked(folder):
        cloud = LocalCloud(folder / "cloud", account=account, region=region, plugins=services.ALL)
        try:
            cloud.start()
            serving.announce(folder, _described(cloud))
            _explain(folder, cloud, terminal)
            _tell_pages(_described(cloud), config.name, terminal)
        except KeyboardInterrupt:
            terminal.say("Stopping ...")
        finally:
            # Once is enough: a second Ctrl-C must not leave behind what the first is ending.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            cloud.stop()
    terminal.say("Stopped; nothing is left running.", style="bold")
    return 0


def place(config: Edgeline) -> tuple[str, str]:
    """Return the account and the region that the local cloud plays; a push delivers into one."""
    accounts = config.accounts
    if accounts.several:
        raise DeliveryError(
            "edgeline.toml names several accounts, and a push delivers into one here: "
            "comment staging and prod of [accounts] out to try it here"
        )
    return accounts.tools or _ACCOUNT, accounts.region or _REGION


def serve_in_background(folder: Path) -> Serving:
    """Start a process that serves from `folder` and outlives this one; return how to reach it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "serve.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "local", "serve", "--folder", str(folder)], cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if found := serving.find(folder):
            return found
        if child.poll() is not None:
            said = log.read_text(encoding="utf-8").strip().splitlines()
            raise DeliveryError(f"the local cloud did not start: {said[-1] if said else log}")
        time.sleep(0.1)
    child.terminate()
    raise DeliveryError(f"the local cloud did not start within {_START_SECONDS} s: see {log}")


def _tell_pages(cloud: Serving, name: str, terminal: Terminal) -> NoReturn:
    """Say where the labeling page is each time that a deployment has put it somewhere; for ever."""
    told = None
    while True:
        time.sleep(_PAGE_SECONDS)
        with suppress(BotoCoreError, ClientError):  # a cloud that is busy is asked again
            found = page.address(cloud, name)
            if found and found != told:
                terminal.say(page.told(found))
            told = found


def _described(cloud: LocalCloud) -> Serving:
    return Serving(
        pid=os.getpid(), url=cloud.url, account=cloud.account, region=cloud.region, since=time.time(),
        state_dir=cloud.state_dir, root=cloud.root,
    )  # fmt: skip


def _explain(folder: Path, cloud: LocalCloud, terminal: Terminal) -> None:
    terminal.say(f"Local cloud: {cloud.url}  (account {cloud.account}, {cloud.region}, state in {folder})")
    terminal.say("")
    terminal.say("Deploy what is committed:   python -m local push      (then: git push local main)")
    terminal.say("What runs:                  python -m local status")
    terminal.say("For cdk, boto3 and the aws command line, as the account's root:")
    for name, value in cloud.environment(cloud.root).items():
        terminal.say(f"  export {name}={value}")
    terminal.say("")
    terminal.say("Ctrl-C, or python -m local stop, ends it; nothing of it is kept.")
